import fc from 'fast-check'
import { expect, it } from 'vitest'
import { deviceId } from '../../src/protocol/ids.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { judge } from '../../src/protocol/rules.ts'
import { type Assessment, combine, judgeWithRisk, riskOf } from '../../src/risk/judge.ts'
import { assessLocally, LOCAL_VERSION, type LocalScore } from '../../src/risk/local.ts'
import { fixedScore } from '../../src/risk/mode.ts'
import type { RemoteFailure, RemoteRisk, RemoteScore } from '../../src/risk/score.ts'
import { unverifiedApproval } from '../kit/approval.ts'
import { unverified } from '../kit/authorization.ts'
import { input, NOW_MS, OWNER, POLICY, payment, payments } from './kit.ts'

const FAILURES: RemoteFailure[] = [
  { reason: 'timeout' },
  { reason: 'unreachable' },
  { reason: 'rejected', status: 503 },
  { reason: 'invalid_answer', what: 'shape' },
  { reason: 'breaker_open' },
  { reason: 'not_configured' },
]
const context = {
  policy: POLICY,
  nowMs: NOW_MS,
  takerId: deviceId('POS-1'),
  ownerWallet: OWNER,
  paysUntilMs: Number.POSITIVE_INFINITY,
  timeFloorMs: undefined,
}
const local = (score: number, own: LocalScore['payments'] = [], device = 0): LocalScore => ({
  scoredBy: 'local',
  score: Math.max(score, ...own.map(([, value]) => value)),
  shared: score,
  payments: own,
  reasons: [{ rule: 'velocity', adds: score }],
  device: { score: device, reasons: device > 0 ? [{ rule: 'recent_conflict', adds: device }] : [] },
  version: LOCAL_VERSION,
})
const remote = (score: number, own: RemoteScore['payments'] = []): RemoteRisk => ({
  ok: true,
  value: { scoredBy: 'sira', score, payments: own, reasons: [{ rule: 'graph' }], version: 'm-7' },
})
const failed = (error: RemoteFailure): RemoteRisk => ({ ok: false, error })
/** What the rules ask for beside the terms. */
const signed = (one: Payment): Payment => ({
  ...unverified(one),
  ...{ approval: unverifiedApproval(one.initiatedAtMs) },
  ...one,
})
/** With their payers' and an agent's words: what nobody signed is a claim, whatever the score. */
const decide = (assessment: Assessment, ...of: readonly Payment[]) =>
  judgeWithRisk(of.map(signed), new Map(), context, assessment).verdicts.map(({ decision }) => decision)

it('a valid remote score wins over what the local rules say of the payments, whichever is higher', () => {
  for (const [theirs, ours] of [
    [0.02, 0.9],
    [0.9, 0.02],
  ] as const) {
    const { record } = combine(remote(theirs), local(ours))
    const basis = { shared: theirs, payments: [], reasons: [{ rule: 'graph' }], scoredBy: 'sira', version: 'm-7' }
    expect(record).toEqual({ score: theirs, ...basis })
  }
})

it('what only the device’s object knows is not outvoted: the stricter word holds, and the record says whose it is', () => {
  const [graph, conflict] = [{ rule: 'graph' }, { rule: 'recent_conflict', adds: 0.2 }]
  const stricter = combine(remote(0.02), local(0.9, [], 0.2))
  expect(stricter.record).toEqual({
    ...{ score: 0.2, shared: 0.2, payments: [], scoredBy: 'local', version: LOCAL_VERSION },
    reasons: [graph, conflict],
  })
  expect(decide(stricter, payment())).toEqual(['review'])
  const milder = combine(remote(0.2), local(0.9, [], 0.2))
  expect(milder.record).toMatchObject({ score: 0.2, shared: 0.2, scoredBy: 'sira', version: 'm-7', reasons: [graph] })
  const mixed = combine(remote(0.02, [[2, 0.9]]), local(0.9, [], 0.2))
  expect(mixed.record).toEqual({
    ...{ score: 0.9, shared: 0.2, payments: [[2, 0.9]], scoredBy: 'sira', version: 'm-7' },
    reasons: [graph, conflict],
  })
  expect(decide(mixed, ...payments(3))).toEqual(['review', 'quarantined', 'review'])
})

it.each([
  [0.1499, 'accepted'],
  [0.15, 'review'],
  [0.35, 'review'],
  [0.3501, 'quarantined'],
] as const)('beside SIRA’s 0.02 a device’s own score of %s is %s', (score, decision) => {
  expect(decide(combine(remote(0.02), local(0, [], score)), payment())).toEqual([decision])
})

it('a device that forked lately and comes back is looked at, whatever SIRA says that has not heard of it', () => {
  const back = assessLocally(input({ recentConflicts: 1, reputation: 0.2, holes: 3 }))
  expect(decide(combine(remote(0.02), back), payment())).toEqual(['quarantined'])
  // Much money in a hurry is SIRA's to judge.
  const busy = assessLocally(input({ payments: payments(50, () => ({ initiatedAtMs: NOW_MS })) }))
  expect(busy.score).toBeGreaterThanOrEqual(POLICY.acceptBelowScore)
  expect(decide(combine(remote(0.02), busy), payment())).toEqual(['accepted'])
})

it.each(FAILURES)('without one ($reason) the local score decides, and the record says why', (error) => {
  const { record } = combine(failed(error), local(0.2))
  expect(record).toEqual({
    score: 0.2,
    shared: 0.2,
    payments: [],
    reasons: [{ rule: 'velocity', adds: 0.2 }],
    scoredBy: 'local',
    fallback: error.reason,
    version: LOCAL_VERSION,
  })
})

it.each([Number.NaN, -0.01, 1.01, Number.POSITIVE_INFINITY, '0' as unknown as number, undefined as unknown as number])(
  'a remote score of %s that got this far is still none',
  (score) => {
    expect(combine(remote(score), local(0.4)).record).toMatchObject({ score: 0.4, fallback: 'invalid_answer' })
    const own = combine(remote(0, [[1, score]]), local(0.4))
    expect(own.record).toMatchObject({ score: 0.4, scoredBy: 'local' })
  },
)

it.each([
  [0, 'accepted'],
  [0.1499, 'accepted'],
  [0.15 - Number.EPSILON, 'accepted'],
  [0.15, 'review'],
  [0.1501, 'review'],
  [0.35, 'review'],
  [0.35 + Number.EPSILON, 'quarantined'],
  [0.3501, 'quarantined'],
  [1, 'quarantined'],
] as const)('a score of %s is %s, whoever gave it', (score, decision) => {
  expect(decide(combine(remote(score), local(0)), payment())).toEqual([decision])
  expect(decide(combine(failed({ reason: 'timeout' }), local(score)), payment())).toEqual([decision])
  expect(decide(combine({ ok: true, value: fixedScore(score) }, local(0)), payment())).toEqual([decision])
})

it("thresholds are the policy's", () => {
  const policy = { ...POLICY, acceptBelowScore: 0.5, quarantineAboveScore: 0.6 }
  const judged = (score: number) =>
    judgeWithRisk([signed(payment())], new Map(), { ...context, policy }, combine(remote(score), local(0))).verdicts[0]
      ?.decision
  expect([0.49, 0.5, 0.6, 0.61].map(judged)).toEqual(['accepted', 'review', 'review', 'quarantined'])
})

it('one risky payment does not take the others of its bundle down, and the record shows the worst', () => {
  const three = payments(3)
  for (const risk of [
    combine(remote(0.02, [[2, 0.9]]), local(0)),
    combine(failed({ reason: 'timeout' }), local(0.02, [[2, 0.9]])),
  ]) {
    expect(decide(risk, ...three)).toEqual(['accepted', 'quarantined', 'accepted'])
    expect(risk.record).toMatchObject({ score: 0.9, shared: 0.02, payments: [[2, 0.9]] })
    // What is kept is enough to judge by once more.
    expect(decide({ ...risk, riskOf: riskOf(risk.record) }, ...three)).toEqual(['accepted', 'quarantined', 'accepted'])
  }
})

it("a payment's own score never lowers that of its bundle", () => {
  expect(decide(combine(remote(0.9, [[1, 0]]), local(0)), payment())).toEqual(['quarantined'])
})

it.each(FAILURES)('without SIRA ($reason) nothing above the review amount is ever accepted', (error) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (amount, score) => {
      const [decision] = decide(combine(failed(error), local(score)), payment({ amount }))
      if (amount > POLICY.requireManualReviewAbove) expect(decision).not.toBe('accepted')
      else expect(decision === 'accepted').toBe(score < POLICY.acceptBelowScore)
    }),
  )
  const at = (amount: number) =>
    decide(combine(failed(error), assessLocally(input({ payments: [] }))), payment({ amount }))
  expect([at(75_000), at(75_001)]).toEqual([['accepted'], ['review']])
})

it('judging with risk is judging: same verdicts and same activity as the rules themselves', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 120_000 }), { maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (amounts, score) => {
        const all = payments(amounts.length, (index) => ({ amount: amounts[index] as number }))
        const ours = judgeWithRisk(all, new Map(), context, combine(remote(score), local(0)))
        expect(ours).toEqual(judge(all, new Map(), { ...context, riskScore: score }))
      },
    ),
  )
})
