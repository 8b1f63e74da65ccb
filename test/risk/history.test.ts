import fc from 'fast-check'
import { expect, it } from 'vitest'
import { currency } from '../../src/protocol/money.ts'
import { emptyHistory, partyTag, updateHistory } from '../../src/risk/history.ts'
import { PAYEES_MAX, RECENT_AGE_MAX_MS, RECENT_PAYMENTS_MAX } from '../../src/risk/limits.ts'
import { ACCEPTED, DAY_MS, KEPT, MINUTE_MS, NOW_MS, OWNER, payment, payments } from './kit.ts'

const accepted = (count: number) => Array(count).fill(ACCEPTED)

it('counts what was accepted, and what of it was just under a limit', () => {
  const amounts = [100, 8_000, 8_001, 10_000, 10_001, 75_000]
  const past = payments(amounts.length, (index) => ({ amount: amounts[index] ?? 1 }))
  const [known] = updateHistory(emptyHistory, past, accepted(6), KEPT).amounts
  expect(known).toEqual({
    currency: 'XOF',
    count: 6,
    near: [
      [10_000, 2],
      [50_000, 0],
      [75_000, 1],
      [100_000, 0],
    ],
  })
})

it('bundle by bundle it is the same as all at once', () => {
  const all = payments(30, (index) => ({ amount: 100 + 37 * index }))
  let step = emptyHistory
  for (const one of all) step = updateHistory(step, [one], [ACCEPTED], KEPT)
  expect(step).toEqual(updateHistory(emptyHistory, all, accepted(30), KEPT))
})

it('a refused payment never happened; one that waits is seen but does not become usual', () => {
  const two = payments(2)
  const history = updateHistory(emptyHistory, two, [{ decision: 'refused' }, { decision: 'quarantined' }], KEPT)
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
        history = updateHistory(history, list.map(payment), accepted(list.length), KEPT)
        expect(JSON.stringify(given)).toBe(before)
      }
      expect(JSON.stringify(history).length).toBeLessThan(3_000)
    }),
  )
})

it('is below 3 KB for a full day of a till that pays as many as it remembers', () => {
  const day = payments(50, (index) => ({
    sender: index % 2 ? OWNER : `W-${index}`,
    receiver: index % 2 ? `W-${index}` : OWNER,
  }))
  const history = updateHistory(emptyHistory, day, accepted(50), KEPT)
  expect(history.payees).toHaveLength(PAYEES_MAX)
  expect(JSON.stringify(history).length).toBeLessThan(3_000)
})

it('remembers whom the device paid, since when and how much at the most, and forgets whom it paid longest ago', () => {
  const pay = (receiver: string, amount: number, daysAgo: number, type: 'p2p' | 'cashin' = 'p2p') =>
    payment({ type, sender: OWNER, receiver, amount, initiatedAtMs: NOW_MS - daysAgo * DAY_MS })
  const today = Math.floor(NOW_MS / DAY_MS)
  const paid = [pay('W-A', 5_000, 9), pay('W-B', 7_000, 8), pay('W-A', 2_000, 1), pay('W-C', 900, 1, 'cashin')]
  const verdicts = [ACCEPTED, { decision: 'review' }, ACCEPTED, ACCEPTED] as const
  const { payees } = updateHistory(emptyHistory, [...paid, payment({ sender: 'W-X' })], [...verdicts, ACCEPTED], KEPT)
  expect(payees).toEqual([
    [partyTag('W-B'), today - 8, 7_000],
    [partyTag('W-A'), today - 9, 5_000],
  ])
  const refused = updateHistory(emptyHistory, [pay('W-A', 1, 1)], [{ decision: 'refused' }], KEPT)
  expect(refused.payees).toEqual([])
  const many = Array.from({ length: PAYEES_MAX }, (_, index) => pay(`W-${index}`, 100, 0))
  const last = updateHistory({ ...emptyHistory, payees }, many, accepted(PAYEES_MAX), KEPT).payees
  expect(last.map(([tag]) => tag)).toEqual(many.map(({ receiver }) => partyTag(receiver)))
})

it('remembers the latest payments, whenever they arrived', () => {
  const late = payments(RECENT_PAYMENTS_MAX + 10)
  const once = updateHistory(emptyHistory, late.slice(20), accepted(late.length), KEPT)
  const { recent } = updateHistory(once, late.slice(0, 20), accepted(20), KEPT)
  const latest = late.slice(10).map(({ initiatedAtMs }) => initiatedAtMs / 1000)
  expect(recent.map(([atS]) => atS)).toEqual(latest)
})

it('forgets: habits may change after a thousand payments', () => {
  let history = updateHistory(
    emptyHistory,
    payments(2_000, () => ({ amount: 1_000 })),
    accepted(2_000),
    KEPT,
  )
  history = updateHistory(
    history,
    payments(3_000, () => ({ amount: 50_000 })),
    accepted(3_000),
    KEPT,
  )
  expect(new Map(history.amounts[0]?.near).get(50_000)).toBeGreaterThan(900)
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
  const { recent } = updateHistory(emptyHistory, all, accepted(all.length), KEPT)
  expect(recent.map(([atS]) => atS * 1000)).toEqual(real.map(({ initiatedAtMs }) => initiatedAtMs))
})

it('a clock that is ahead by no more than the skew is remembered like any other', () => {
  const ahead = payment({ initiatedAtMs: NOW_MS + 30 * MINUTE_MS })
  expect(updateHistory(emptyHistory, [ahead], accepted(1), KEPT).recent).toHaveLength(1)
})

it('holds no wallet, only a tag that hundreds of wallets share', () => {
  const history = updateHistory(emptyHistory, [payment({ sender: '+221771234567' })], [ACCEPTED], KEPT)
  expect(JSON.stringify(history)).not.toContain('2217712')
  const tags = Array.from({ length: 200_000 }, (_, index) => partyTag(`+2217${70_000_000 + index}`))
  const sharing = Map.groupBy(tags, (tag) => tag)
  expect(tags.every((tag) => Number.isInteger(tag) && tag >= 0 && tag <= 0xffff)).toBe(true)
  expect(sharing.size).toBeGreaterThan(60_000)
})
