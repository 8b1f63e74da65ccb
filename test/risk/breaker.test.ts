import { expect, it } from 'vitest'
import { BREAKER_DEFAULTS, Breaker, type BreakerSettings, type Permit } from '../../src/risk/breaker.ts'
import { bundle, DEVICE, NOW_MS, siraKit } from './kit.ts'

const { failuresInARow, cooldownMs, cooldownMaxMs, probeMaxMs } = BREAKER_DEFAULTS

function setUp(settings: Partial<BreakerSettings> = {}, random = () => 0) {
  const clock = { nowMs: NOW_MS }
  const breaker = new Breaker(() => clock.nowMs, random, { ...BREAKER_DEFAULTS, ...settings })
  const enter = (): Permit => {
    const permit = breaker.enter()
    if (permit === undefined) throw new Error('no permit')
    return permit
  }
  const calls = (...outcomes: boolean[]) => {
    for (const succeeded of outcomes) breaker.report(enter(), succeeded)
  }
  const fail = (times: number) => calls(...Array<boolean>(times).fill(false))
  return { clock, breaker, enter, calls, fail }
}

it('opens after so many failures in a row, and not one before', () => {
  const { breaker, fail } = setUp()
  fail(failuresInARow - 1)
  expect(breaker.state).toBe('closed')
  fail(1)
  expect(breaker.state).toBe('open')
  expect(breaker.enter()).toBeUndefined()
})

it('a success begins the row anew', () => {
  const { breaker, calls, fail } = setUp({ failuresInWindow: 20 })
  fail(failuresInARow - 1)
  calls(true)
  fail(failuresInARow - 1)
  expect(breaker.state).toBe('closed')
})

it('opens when half of the last calls failed, though never in a row', () => {
  const { breaker, calls } = setUp()
  for (let i = 0; i < 9; i++) calls(false, true)
  expect(breaker.state).toBe('closed')
  calls(false)
  expect(breaker.state).toBe('open')
})

it('failures that lie further back than the window do not count', () => {
  const { breaker, calls } = setUp()
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 4; i++) calls(false, true)
    calls(...Array<boolean>(20).fill(true))
  }
  expect(breaker.state).toBe('closed')
})

it('stays open for its cooldown to the millisecond, then lets exactly one probe through', () => {
  const { clock, breaker, fail } = setUp()
  fail(failuresInARow)
  clock.nowMs += cooldownMs - 1
  expect(breaker.enter()).toBeUndefined()
  clock.nowMs += 1
  expect(breaker.state).toBe('half_open')
  expect(breaker.enter()).toBeDefined()
  expect(breaker.enter()).toBeUndefined()
  expect(breaker.state).toBe('half_open')
})

it('a probe that succeeds closes it, with a clean record', () => {
  const { clock, breaker, calls, fail } = setUp()
  fail(failuresInARow)
  clock.nowMs += cooldownMs
  calls(true)
  expect(breaker.state).toBe('closed')
  fail(failuresInARow - 1)
  expect(breaker.state).toBe('closed')
})

it('each probe that fails doubles the pause, up to the longest', () => {
  const { clock, breaker, fail } = setUp()
  fail(failuresInARow)
  for (let pause = cooldownMs; pause < 4 * cooldownMaxMs; pause *= 2) {
    clock.nowMs += Math.min(pause, cooldownMaxMs) - 1
    expect(breaker.enter()).toBeUndefined()
    clock.nowMs += 1
    fail(1)
    expect(breaker.state).toBe('open')
  }
})

it('the pause is jittered: isolates that opened together do not probe together', () => {
  const { clock, breaker, fail } = setUp({}, () => 0.5)
  fail(failuresInARow)
  clock.nowMs += cooldownMs * 0.75 - 1
  expect(breaker.enter()).toBeUndefined()
  clock.nowMs += 1
  expect(breaker.enter()).toBeDefined()
})

it('calls that began before it opened say nothing afterwards', () => {
  const { clock, breaker, enter, fail } = setUp()
  const early = enter()
  fail(failuresInARow)
  breaker.report(early, true)
  expect(breaker.state).toBe('open')
  clock.nowMs += cooldownMs
  enter()
  breaker.report(early, true)
  expect(breaker.state).toBe('half_open')
})

it('a probe that never reports, because its request was cancelled, is given up and another one may try', () => {
  const { clock, breaker, enter, fail } = setUp()
  fail(failuresInARow)
  clock.nowMs += cooldownMs
  const lost = enter()
  clock.nowMs += probeMaxMs - 1
  expect(breaker.enter()).toBeUndefined()
  clock.nowMs += 1
  const second = enter()
  breaker.report(lost, true)
  expect(breaker.state).toBe('half_open')
  breaker.report(second, true)
  expect(breaker.state).toBe('closed')
})

it('a clock that was set back does not keep it open', () => {
  const { clock, breaker, fail } = setUp()
  fail(failuresInARow)
  clock.nowMs -= 3_600_000
  expect(breaker.enter()).toBeDefined()
})

it('a SIRA that is known to be slow costs nothing: no request is made', async () => {
  await using kit = await siraKit({}, { fetch: () => new Promise(() => {}) })
  for (let i = 0; i < failuresInARow; i++) {
    const running = kit.client.scoreBundle(bundle(), 'r')
    while (kit.deadlines.size === 0) await Promise.resolve()
    for (const run of kit.deadlines.keys()) run()
    await running
  }
  expect(await kit.client.scoreBundle(bundle(), 'r')).toEqual({ ok: false, error: { reason: 'breaker_open' } })
  expect(kit.deadlines.size).toBe(0)
  expect(kit.observed.at(-1)).toEqual({ operation: 'bundle', latencyMs: 0, outcome: 'breaker_open' })
})

it('nonsense and errors open it like silence does; a well SIRA closes it again', async () => {
  await using kit = await siraKit()
  kit.server.mode = {
    kind: 'nonsense',
    answers: [{ body: '{}' }, { status: 500, body: '' }, { status: 302, body: '' }],
  }
  for (let i = 0; i < failuresInARow; i++) await kit.client.scoreBundle(bundle(), 'r')
  expect(kit.client.breaker('bundle').state).toBe('open')
  kit.server.mode = { kind: 'normal' }
  kit.nowMs += cooldownMs
  expect(await kit.client.scoreBundle(bundle(), 'r')).toMatchObject({ ok: true })
  expect(kit.client.breaker('bundle').state).toBe('closed')
  expect(kit.server.requests).toHaveLength(failuresInARow + 1)
})

it('a refusal of one request is no sign of an outage; a refused key and an overload are', async () => {
  for (const [status, state] of [
    [422, 'closed'],
    [404, 'closed'],
    [401, 'open'],
    [429, 'open'],
  ] as const) {
    await using kit = await siraKit()
    kit.server.mode = { kind: 'error', status }
    for (let i = 0; i < failuresInARow; i++) await kit.client.scoreBundle(bundle(), 'r')
    expect([status, kit.client.breaker('bundle').state]).toEqual([status, state])
  }
})

it('each operation has its own breaker: a SIRA too slow for a push still takes escalations', async () => {
  await using kit = await siraKit()
  kit.server.mode = { kind: 'error', status: 503 }
  for (let i = 0; i < failuresInARow; i++) await kit.client.scoreBundle(bundle(), 'r')
  kit.server.mode = { kind: 'normal' }
  expect(await kit.client.scoreBundle(bundle(), 'r')).toMatchObject({ error: { reason: 'breaker_open' } })
  expect(await kit.client.deviceReputation(DEVICE, 'r')).toMatchObject({ ok: true })
})
