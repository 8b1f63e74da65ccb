import { expect, it } from 'vitest'
import { excess, type Standing, unreadiness } from '../../../src/web/shared/pad/readiness.ts'

const quota = (max: number, used = 0) => ({ used, max, remaining: Math.max(0, max - used) })
const allowance = (over: Partial<Standing['allowance']> = {}): Standing['allowance'] => ({
  ...{ day: '2026-11-22', currency: 'XOF', maxAmount: 100_000, remaining: 100_000, syncBeforeMs: 1000 },
  ...{ count: quota(50), amountsByCurrency: { XOF: quota(500_000) }, unsynced: quota(750_000) },
  ...over,
})
const why = (over: Partial<Standing['allowance']> = {}, standing: Partial<Standing> = {}) =>
  unreadiness({ status: 'ready', isEnabled: true, allowance: allowance(over), nowMs: 1000, ...standing })

it('says what the merchant can do about it first', () => {
  expect(why()).toBeUndefined()
  expect(why({}, { nowMs: 1001 })).toBe('overdue')
  expect(why({ remaining: 0, count: quota(50, 50) })).toBe('count_used')
  expect(why({ remaining: 0, unsynced: quota(750_000, 750_000) })).toBe('unsynced_used')
  expect(why({ remaining: 0, amountsByCurrency: { XOF: quota(500_000, 500_000) } })).toBe('value_used')
})

it.each([
  [100_001, {}, 'payment'],
  [100_000, {}, undefined],
  [5_001, { remaining: 5_000, amountsByCurrency: { XOF: quota(500_000, 495_000) } }, 'day'],
  [5_001, { remaining: 5_000, unsynced: quota(750_000, 745_000) }, 'unsynced'],
  [5_000, { remaining: 5_000, unsynced: quota(750_000, 745_000) }, undefined],
])('%i is above the limit that speaks', (amount, over, expected) => {
  expect(excess(amount, allowance(over))).toBe(expected)
})
