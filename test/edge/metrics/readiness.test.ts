import { describe, expect, it, vi } from 'vitest'
import { after } from '../../../src/edge/auth/wiring.ts'
import { CHECK_DEADLINE_MS, checkReadiness, joinReadiness } from '../../../src/edge/metrics/readiness.ts'

const never = () => new Promise<never>(() => undefined)
const fails = async () => {
  throw new Error('no such table')
}

it('is ready when every check ends well', async () => {
  const told = vi.fn()
  expect(await checkReadiness({ d1: async () => 1, keys: async () => 2 }, after, told)).toEqual({
    ready: true,
    checks: { d1: 'ok', keys: 'ok' },
  })
  expect(told).not.toHaveBeenCalled()
})

it('one that fails, throws at once or never answers is named, and holds up no other', async () => {
  const told = vi.fn()
  const throws = () => {
    throw new Error('no binding')
  }
  const startedMs = Date.now()
  const { ready, checks } = await checkReadiness(
    { a: fails, b: throws, c: never, d: async () => 1, e: never },
    after,
    told,
  )
  expect(ready).toBe(false)
  expect(checks).toEqual({ a: 'failed', b: 'failed', c: 'timeout', d: 'ok', e: 'timeout' })
  expect(told.mock.calls.map(([name]) => name).sort()).toEqual(['a', 'b'])
  expect(Date.now() - startedMs).toBeLessThan(2 * CHECK_DEADLINE_MS)
})

describe('who joins a check that another request began', () => {
  const elapsed = () => ({ done: Promise.resolve(), cancel: () => undefined })
  it('gets its answer', async () => {
    const found = { ready: true, checks: { d1: 'ok' } } as const
    expect(await joinReadiness(Promise.resolve(found), ['d1'], after)).toEqual(found)
  })

  it('does not wait for ever when that request is gone', async () => {
    const checks = { d1: 'timeout', keys: 'timeout' }
    expect(await joinReadiness(never(), ['d1', 'keys'], elapsed)).toEqual({ ready: false, checks })
  })
})
