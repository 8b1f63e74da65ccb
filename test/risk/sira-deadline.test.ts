import { expect, it } from 'vitest'
import { DEADLINES_MS } from '../../src/risk/limits.ts'
import { bundle, DEVICE, NOW_MS, siraKit } from './kit.ts'

/** Deadlines are passed by hand once the server holds the request: nothing here waits for a clock. */
const TIMEOUT = { ok: false, error: { reason: 'timeout' } }

it.each(['hang', 'drip'] as const)('a server that only %ss ends at the deadline, as a timeout', async (kind) => {
  await using kit = await siraKit()
  kit.server.mode = { kind }
  const arrived = kit.server.nextRequest()
  const running = kit.client.scoreBundle(bundle(), 'r')
  await arrived
  kit.nowMs += 150
  for (const [run, ms] of kit.deadlines) {
    expect(ms).toBe(DEADLINES_MS.bundle)
    run()
  }
  expect(await running).toEqual(TIMEOUT)
  expect(kit.observed).toEqual([{ operation: 'bundle', latencyMs: 150, outcome: 'timeout' }])
})

it('a server that drips ends at the deadline also when the head has long arrived', async () => {
  const head = Promise.withResolvers<void>()
  await using kit = await siraKit(
    {},
    {
      fetch: async (url, init) => {
        const response = await fetch(url, init)
        head.resolve()
        return response
      },
    },
  )
  kit.server.mode = { kind: 'drip' }
  const running = kit.client.scoreBundle(bundle(), 'r')
  await head.promise
  for (const run of kit.deadlines.keys()) run()
  expect(await running).toEqual(TIMEOUT)
})

it('a fetch that ignores its signal does not hold the call', async () => {
  await using kit = await siraKit({}, { fetch: () => new Promise(() => {}) })
  const running = kit.client.scoreBundle(bundle(), 'r')
  while (kit.deadlines.size === 0) await Promise.resolve()
  for (const run of kit.deadlines.keys()) run()
  expect(await running).toEqual(TIMEOUT)
})

it('the deadline takes the connection with it', async () => {
  let signal: AbortSignal | null | undefined
  await using kit = await siraKit(
    {},
    {
      fetch: (url, init) => {
        signal = init.signal
        return fetch(url, init)
      },
    },
  )
  kit.server.mode = { kind: 'hang' }
  const arrived = kit.server.nextRequest()
  const running = kit.client.scoreBundle(bundle(), 'r')
  await arrived
  for (const run of kit.deadlines.keys()) run()
  await running
  expect(signal?.aborted).toBe(true)
})

it('an answer in time calls its deadline off', async () => {
  await using kit = await siraKit()
  await kit.client.scoreBundle(bundle(), 'r')
  expect(kit.deadlines.size).toBe(0)
})

it('each operation has its own deadline', async () => {
  const set: number[] = []
  await using kit = await siraKit(
    { deadlinesMs: { bundle: 80 } },
    {
      after: (ms) => {
        set.push(ms)
        return () => {}
      },
    },
  )
  await kit.client.scoreBundle(bundle(), 'r')
  await kit.client.scoreBulk([{ kind: 'bundle', bundle: bundle() }], 'r')
  await kit.client.deviceReputation(DEVICE, 'r')
  await kit.client.escalate(
    {
      id: 'POS-001/3',
      kind: 'chain_fork',
      deviceId: DEVICE,
      country: 'SN',
      seq: 7,
      atMs: NOW_MS,
      digests: [],
    },
    'r',
  )
  expect(set).toEqual([80, DEADLINES_MS.bulk, DEADLINES_MS.reputation, DEADLINES_MS.escalation])
})

it('real timers end a real wait', async () => {
  await using kit = await siraKit(
    { deadlinesMs: { bundle: 20 } },
    {
      after: (ms, run) => {
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
    },
  )
  kit.server.mode = { kind: 'slow', ms: 60_000 }
  expect(await kit.client.scoreBundle(bundle(), 'r')).toEqual(TIMEOUT)
})

it('a cut connection and a server that is gone are unreachable', async () => {
  await using kit = await siraKit()
  kit.server.mode = { kind: 'reset' }
  const unreachable = { ok: false, error: { reason: 'unreachable' } }
  expect(await kit.client.scoreBundle(bundle(), 'r')).toEqual(unreachable)
  await kit.server.close()
  expect(await kit.client.scoreBundle(bundle(), 'r')).toEqual(unreachable)
  expect(await kit.client.scoreBulk([{ kind: 'bundle', bundle: bundle() }], 'r')).toEqual([unreachable])
})

it('a request id that no header can hold is an error value too', async () => {
  await using kit = await siraKit()
  expect(await kit.client.scoreBundle(bundle(), 'a\nb')).toEqual({ ok: false, error: { reason: 'unreachable' } })
})
