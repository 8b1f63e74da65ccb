import type { Subject } from './subjects/subject.ts'

/** Waiting until everything that pushes caused has been done. */
const DEADLINE_MS = 180_000
const EVERY_MS = 20

/** @param what for the error when it takes three minutes */
export async function until(isDone: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error(`waited 3 min for ${what}`)
    await pause(EVERY_MS)
  }
}

/** How long nothing may happen for alarms to be over: the last that a push sets runs after 20 s. */
const QUIET_MS = 25_000
/** Less processor time than this in a second is idling. */
const IDLE_MS_PER_S = 20

/** Waits until a subject does nothing for longer than its objects' first alarms wait. */
export async function untilQuiet(subject: Pick<Subject, 'name' | 'cpuMs'>): Promise<void> {
  let [since, before, lookedAt] = [performance.now(), subject.cpuMs(), performance.now()]
  await until(() => {
    const [now, cpu] = [performance.now(), subject.cpuMs()]
    if (now - lookedAt < 1000) return false
    if (((cpu - before) * 1000) / (now - lookedAt) > IDLE_MS_PER_S) since = now
    ;[before, lookedAt] = [cpu, now]
    return now - since >= QUIET_MS
  }, `${subject.name} to come to rest`)
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
