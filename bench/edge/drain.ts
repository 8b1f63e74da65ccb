import { DatabaseSync } from 'node:sqlite'
import type { Subject } from './subject.ts'

/** Waiting until everything that pushes caused has been done. */
const DEADLINE_MS = 180_000
const EVERY_MS = 50

export interface Shown {
  /** Bundles in D1, and those whose outcomes are there too. */
  readonly bundles: number
  readonly settled: number
}

/** Looks into D1's file without asking workerd. */
export class ReadModel {
  readonly #db: DatabaseSync

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { readOnly: true })
    this.#db.exec('PRAGMA busy_timeout = 5000')
  }

  shown(): Shown {
    const sql = `SELECT COUNT(*) AS bundles, COALESCE(SUM(status = 'accepted'), 0) AS settled FROM offline_tx_bundles`
    return this.#db.prepare(sql).get() as unknown as Shown
  }

  close(): void {
    this.#db.close()
  }
}

/** Waits until D1 shows this many bundles with their outcomes. @returns when it did */
export async function untilShown(readModel: ReadModel, settled: number): Promise<number> {
  const deadline = performance.now() + DEADLINE_MS
  for (;;) {
    const shown = readModel.shown()
    if (shown.settled >= settled) return performance.now()
    if (performance.now() > deadline) throw new Error(`D1 shows ${JSON.stringify(shown)} of ${settled} after 3 min`)
    await pause(EVERY_MS)
  }
}

/** How long nothing may happen for alarms to be over: the first comes after 5 s, the next after as long again. */
const QUIET_MS = 16_000
/** Less processor time than this in a second is idling. */
const IDLE_MS_PER_S = 20

/** In a quick run alarms are not waited for: it shows that the bench works, and its numbers mean little anyway. */
export const rest = (subject: Subject, quick: boolean): Promise<void> => (quick ? pause(1000) : untilQuiet(subject))

/** Waits until a workerd does nothing for longer than its objects' first alarms wait. */
async function untilQuiet(subject: Subject): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  let since = performance.now()
  for (let before = subject.cpuMs(); performance.now() - since < QUIET_MS; ) {
    await pause(1000)
    const now = subject.cpuMs()
    if (now - before > IDLE_MS_PER_S) since = performance.now()
    before = now
    if (performance.now() > deadline) throw new Error(`${subject.name} does not come to rest`)
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
