import { Confirmer } from './confirmer.ts'
import { HttpClient } from './http-client.ts'
import type { Load, LoadResult, Pace } from './messages.ts'

/** The generator: runs one load after the other that its parent sends, and says how each went. */
process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.once('disconnect', () => process.exit())

/** A timer of Node's is a millisecond late at best: the last stretch is waited for without one. */
const TIMER_SLACK_MS = 2

async function run(load: Load): Promise<LoadResult> {
  const { requests } = load
  const client = new HttpClient(load.port)
  const confirmer = load.confirm && new Confirmer(client, load.confirm.hmacSecret)
  const statuses: Record<string, number> = {}
  const latenciesMs: number[] = []
  const answers: Uint8Array[] = []
  const cpu = process.cpuUsage()
  const startMs = performance.now()

  const one = async (index: number, dueMs: number): Promise<void> => {
    const { status, body } = await client.send(requests[index] ?? new Uint8Array())
    latenciesMs.push(performance.now() - dueMs)
    statuses[status] = (statuses[status] ?? 0) + 1
    if (load.keepAnswers) answers[index] = body
    const confirmation = load.confirm?.confirmations[index]
    if (confirmation && status === 200) confirmer?.add(confirmation, dueMs)
  }
  await PACES[load.pace.kind](load.pace as never, requests.length, one)
  await confirmer?.drained()

  const seconds = (performance.now() - startMs) / 1000
  client.close()
  const { user, system } = process.cpuUsage(cpu)
  const { unconfirmed = 0, toldMs = [] } = confirmer ?? {}
  return { statuses, seconds, latenciesMs, unconfirmed, toldMs, answers, cpuMs: (user + system) / 1000 }
}

type Send = (index: number, dueMs: number) => Promise<void>
type PaceOf<K extends Pace['kind']> = Extract<Pace, { kind: K }>

const PACES: { readonly [K in Pace['kind']]: (pace: PaceOf<K>, count: number, send: Send) => Promise<void> } = {
  async closed({ concurrency }, count, send) {
    let next = 0
    const lane = async () => {
      while (next < count) await send(next++, performance.now())
    }
    await Promise.all(Array.from({ length: concurrency }, lane))
  },

  async open({ perSecond }, count, send) {
    const startMs = performance.now()
    const under: Promise<void>[] = []
    for (let index = 0; index < count; index++) {
      const dueMs = startMs + (index * 1000) / perSecond
      const sleepMs = dueMs - performance.now() - TIMER_SLACK_MS
      if (sleepMs > 0) await new Promise((resolve) => setTimeout(resolve, sleepMs))
      while (performance.now() < dueMs) await new Promise((resolve) => setImmediate(resolve))
      under.push(send(index, dueMs))
    }
    await Promise.all(under)
  },
}
