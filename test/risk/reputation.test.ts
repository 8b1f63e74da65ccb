import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  eventOf,
  moved,
  newReputation,
  REPUTATION_EVENTS,
  type Reputation,
  recentConflicts,
  reputationAt,
  withOutcomes,
} from '../../src/risk/reputation.ts'
import { DAY_MS, NOW_MS } from './kit.ts'

const steps = fc.array(fc.tuple(fc.constantFrom(...REPUTATION_EVENTS), fc.integer({ min: -DAY_MS, max: 40 * DAY_MS })))

function run(events: readonly (readonly [(typeof REPUTATION_EVENTS)[number], number])[]): [Reputation, number] {
  let nowMs = NOW_MS
  let reputation = newReputation(nowMs)
  for (const [event, afterMs] of events) {
    nowMs += afterMs
    reputation = moved(reputation, event, nowMs)
  }
  return [reputation, nowMs]
}

it('stays between 0 and 1 and small, whatever happens', () => {
  fc.assert(
    fc.property(steps, (events) => {
      const [reputation, nowMs] = run(events)
      expect(reputation.value).toBeGreaterThanOrEqual(0)
      expect(reputation.value).toBeLessThanOrEqual(1)
      expect(reputationAt(reputation, nowMs + 1e12)).toBeCloseTo(0.5, 5)
      expect(JSON.stringify(reputation).length).toBeLessThan(220)
    }),
  )
})

it('a success moves it up, everything else down, and the worse the more', () => {
  const start = newReputation(NOW_MS)
  const values = REPUTATION_EVENTS.map((event) => moved(start, event, NOW_MS).value)
  expect(values[0]).toBeGreaterThan(start.value)
  expect(values.slice(1).every((value) => value < start.value)).toBe(true)
  expect([...values].sort((a, b) => b - a)).toEqual(values)
})

it('trust comes slowly and goes fast: a hundred successes do not outweigh one fork', () => {
  let reputation = newReputation(NOW_MS)
  for (let i = 0; i < 100; i++) reputation = moved(reputation, 'succeeded', NOW_MS)
  expect(moved(reputation, 'fork', NOW_MS).value).toBeLessThan(0.25)
  let back = moved(newReputation(NOW_MS), 'fork', NOW_MS)
  for (let i = 0; i < 400; i++) back = moved(back, 'succeeded', NOW_MS)
  expect(back.value).toBeLessThan(0.5)
})

it('half of the way to neutral is forgotten in 30 days, from above and from below', () => {
  const at = (value: number) => reputationAt({ value, atMs: NOW_MS, conflictsAtMs: [] }, NOW_MS + 30 * DAY_MS)
  expect(at(0)).toBeCloseTo(0.25, 10)
  expect(at(1)).toBeCloseTo(0.75, 10)
})

it('time in two parts forgets what time in one does, and time that went back forgets nothing', () => {
  const bad: Reputation = { value: 0.1, atMs: NOW_MS, conflictsAtMs: [] }
  const half = { ...bad, value: reputationAt(bad, NOW_MS + DAY_MS), atMs: NOW_MS + DAY_MS }
  expect(reputationAt(half, NOW_MS + 9 * DAY_MS)).toBeCloseTo(reputationAt(bad, NOW_MS + 9 * DAY_MS), 12)
  expect(reputationAt(bad, NOW_MS - DAY_MS)).toBeCloseTo(0.1, 12)
  expect(moved(bad, 'succeeded', NOW_MS - DAY_MS).atMs).toBe(NOW_MS)
})

it('only contradictions are remembered one by one, for 30 days', () => {
  let reputation = moved(newReputation(NOW_MS), 'conflict', NOW_MS)
  reputation = moved(reputation, 'reversed', NOW_MS)
  reputation = moved(reputation, 'fork', NOW_MS + DAY_MS)
  expect(recentConflicts(reputation, NOW_MS + DAY_MS)).toBe(2)
  expect(recentConflicts(reputation, NOW_MS + 30 * DAY_MS)).toBe(2)
  expect(recentConflicts(reputation, NOW_MS + 30 * DAY_MS + 1)).toBe(1)
  for (let i = 0; i < 50; i++) reputation = moved(reputation, 'conflict', NOW_MS)
  expect(reputation.conflictsAtMs).toHaveLength(8)
})

it('outcomes count by what they say about the device', () => {
  expect(eventOf({ status: 'succeeded' })).toBe('succeeded')
  expect(eventOf({ status: 'reversed' })).toBe('reversed')
  expect(eventOf({ status: 'failed', reason: 'insufficient_funds' })).toBe('insufficient_funds')
  expect(eventOf({ status: 'failed', reason: 'risk_rejected' })).toBe('risk_rejected')
  expect(eventOf({ status: 'failed', reason: 'reviewer_rejected' })).toBe('risk_rejected')
  // A payment that waits has come to nothing yet; a limit or a duplicate is no fault of character.
  expect(eventOf({ status: 'quarantined', reason: 'risk_rejected' })).toBeUndefined()
  expect(eventOf({ status: 'failed', reason: 'duplicate' })).toBeUndefined()
  expect(eventOf({ status: 'pending' })).toBeUndefined()
  const after = withOutcomes(newReputation(NOW_MS), [{ status: 'pending' }, { status: 'reversed' }], NOW_MS)
  expect(after.value).toBeCloseTo(0.45, 10)
})

it('events that are counted together come to what they come to one by one, in the order of their list', () => {
  const outcomes = [
    ...Array(30).fill({ status: 'succeeded' }),
    ...Array(2).fill({ status: 'failed', reason: 'insufficient_funds' }),
    { status: 'reversed' },
  ] as { status: 'succeeded' }[]
  const start: Reputation = { value: 0.3, atMs: NOW_MS - DAY_MS, conflictsAtMs: [] }
  let one = start
  for (const outcome of outcomes) one = moved(one, eventOf(outcome) ?? 'fork', NOW_MS)
  expect(withOutcomes(start, outcomes.toReversed(), NOW_MS).value).toBeCloseTo(one.value, 12)
})
