import fc from 'fast-check'
import { expect, it } from 'vitest'
import { currency } from '../../src/protocol/money.ts'
import { emptyHistory, partyTag, updateHistory } from '../../src/risk/history.ts'
import { RECENT_AGE_MAX_MS, RECENT_PAYMENTS_MAX } from '../../src/risk/limits.ts'
import { ACCEPTED, DAY_MS, MINUTE_MS, NOW_MS, POLICY, payment, payments } from './kit.ts'

const accepted = (count: number) => Array(count).fill(ACCEPTED)

it('keeps mean and deviation of the logarithms of what was accepted', () => {
  const amounts = [100, 2_500, 9_999, 40_000, 7]
  const past = payments(amounts.length, (index) => ({ amount: amounts[index] ?? 1 }))
  const [known] = updateHistory(emptyHistory, past, accepted(5), POLICY, NOW_MS).amounts
  const logs = amounts.map(Math.log)
  const mean = logs.reduce((sum, log) => sum + log) / 5
  expect(known).toMatchObject({ currency: 'XOF', count: 5 })
  expect(known?.mean).toBeCloseTo(mean, 10)
  expect(known?.m2).toBeCloseTo(
    logs.reduce((sum, log) => sum + (log - mean) ** 2, 0),
    10,
  )
})

it('bundle by bundle it is the same as all at once', () => {
  const all = payments(30, (index) => ({ amount: 100 + 37 * index }))
  let step = emptyHistory
  for (const one of all) step = updateHistory(step, [one], [ACCEPTED], POLICY, NOW_MS)
  expect(step).toEqual(updateHistory(emptyHistory, all, accepted(30), POLICY, NOW_MS))
})

it('a refused payment never happened; one that waits is seen but does not become usual', () => {
  const two = payments(2)
  const history = updateHistory(
    emptyHistory,
    two,
    [{ decision: 'refused' }, { decision: 'quarantined' }],
    POLICY,
    NOW_MS,
  )
  expect(history.amounts).toEqual([])
  expect(history.recent).toHaveLength(1)
})

it('stays below 3 KB whatever a device does, and changes nothing it was given', () => {
  const one = fc.record({
    amount: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    currency: fc.constantFrom('XOF', 'XAF', 'GHS', 'NGN', 'EUR', 'USD').map(currency),
    initiatedAtMs: fc.integer({ min: 0, max: 2 ** 40 }).map((s) => s * 1000),
  })
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 100 }), { maxLength: 5 }), (bundles) => {
      let history = emptyHistory
      for (const list of bundles) {
        const before = JSON.stringify(history)
        const given = history
        history = updateHistory(history, list.map(payment), accepted(list.length), POLICY, NOW_MS)
        expect(JSON.stringify(given)).toBe(before)
      }
      expect(JSON.stringify(history).length).toBeLessThan(3_000)
    }),
  )
})

it('is below 2 KB for a full day of a till', () => {
  const day = payments(50, (index) => ({ amount: 2_000 + index }))
  expect(JSON.stringify(updateHistory(emptyHistory, day, accepted(50), POLICY, NOW_MS)).length).toBeLessThan(2_000)
})

it('remembers the latest payments, whenever they arrived', () => {
  const late = payments(RECENT_PAYMENTS_MAX + 10)
  const once = updateHistory(emptyHistory, late.slice(20), accepted(late.length), POLICY, NOW_MS)
  const { recent } = updateHistory(once, late.slice(0, 20), accepted(20), POLICY, NOW_MS)
  const latest = late.slice(10).map(({ initiatedAtMs }) => initiatedAtMs / 1000)
  expect(recent.map(([atS]) => atS)).toEqual(latest)
})

it('forgets: habits may change after a thousand payments', () => {
  let history = updateHistory(
    emptyHistory,
    payments(2_000, () => ({ amount: 1_000 })),
    accepted(2_000),
    POLICY,
    NOW_MS,
  )
  history = updateHistory(
    history,
    payments(3_000, () => ({ amount: 50_000 })),
    accepted(3_000),
    POLICY,
    NOW_MS,
  )
  expect(Math.exp(history.amounts[0]?.mean ?? 0)).toBeGreaterThan(35_000)
  expect(history.amounts[0]?.count).toBe(1_000)
})

it.each([
  ['a minute beyond the skew', 31 * MINUTE_MS],
  ['an hour', 60 * MINUTE_MS],
  ['days', RECENT_AGE_MAX_MS + DAY_MS],
])('payments dated ahead, by %s, push none of the others out, however many they are', (_, aheadMs) => {
  const wild = payments(RECENT_PAYMENTS_MAX, () => ({ initiatedAtMs: NOW_MS + aheadMs }))
  const real = payments(3)
  const all = [...wild, ...real]
  const { recent } = updateHistory(emptyHistory, all, accepted(all.length), POLICY, NOW_MS)
  expect(recent.map(([atS]) => atS * 1000)).toEqual(real.map(({ initiatedAtMs }) => initiatedAtMs))
})

it('a clock that is ahead by no more than the skew is remembered like any other', () => {
  const ahead = payment({ initiatedAtMs: NOW_MS + 30 * MINUTE_MS })
  expect(updateHistory(emptyHistory, [ahead], accepted(1), POLICY, NOW_MS).recent).toHaveLength(1)
})

it('holds no wallet, only a tag that hundreds of wallets share', () => {
  const history = updateHistory(emptyHistory, [payment({ sender: '+221771234567' })], [ACCEPTED], POLICY, NOW_MS)
  expect(JSON.stringify(history)).not.toContain('2217712')
  const tags = Array.from({ length: 200_000 }, (_, index) => partyTag(`+2217${70_000_000 + index}`))
  const sharing = Map.groupBy(tags, (tag) => tag)
  expect(tags.every((tag) => Number.isInteger(tag) && tag >= 0 && tag <= 0xffff)).toBe(true)
  expect(sharing.size).toBeGreaterThan(60_000)
})
