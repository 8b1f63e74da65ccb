import { expect, it } from 'vitest'
import { type Activity, activityKey, calendarDay } from '../../src/protocol/activity.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { emptyHistory, updateHistory } from '../../src/risk/history.ts'
import { combine, judgeWithRisk } from '../../src/risk/judge.ts'
import { assessLocally } from '../../src/risk/local.ts'
import { unverifiedApproval } from '../kit/approval.ts'
import { unverified } from '../kit/authorization.ts'
import { DAY_MS, input, KEPT, NOW_MS, OWNER, POLICY, payment, seeded } from './kit.ts'

/** People who do nothing wrong: a score of 0.15 would send their money to a review. */
type Person = (random: () => number, index: number) => Parameters<typeof payment>[0]

const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
/** Prices spread log-normally, in steps of 25 F, within what may be paid offline. */
const price = (random: () => number, median: number, spread: number, most = 60_000) =>
  Math.min(most, Math.max(25, Math.round((median * Math.exp(spread * normal(random))) / 25) * 25))
const customer = (random: () => number, of: number) => `W-${Math.floor(random() * of)}`

const PEOPLE: Record<string, Person> = {
  'a busy merchant': (random) => ({ amount: price(random, 2_500, 0.8), sender: customer(random, 300) }),
  'a dear shop': (random) => ({ amount: price(random, 7_000, 0.7), sender: customer(random, 300) }),
  'a kiosk with three prices': (random) => ({
    amount: [500, 1_000, 10_000][Math.floor(random() * 3)] ?? 500,
    sender: customer(random, 100),
  }),
  'an agent': (random) => {
    const amount = [1_000, 2_000, 5_000, 10_000, 20_000][Math.floor(random() * 5)] ?? 1_000
    const wallet = customer(random, 200)
    return random() < 0.5
      ? { type: 'cashin', amount, sender: OWNER, receiver: wallet }
      : { type: 'cashout', amount, sender: wallet, receiver: OWNER }
  },
  'a vendor paid by p2p': (random) => ({
    type: 'p2p',
    amount: price(random, 1_200, 0.6),
    sender: customer(random, 80),
  }),
}

/** 50 payments a day for 25 days, pushed in bundles of 1 to 50, with rushes of 20 a minute. */
function* days(person: Person, seed: number) {
  const random = seeded(seed)
  let counter = 1
  for (let day = -24; day <= 0; day++) {
    let atMs = NOW_MS + day * DAY_MS - 5 * 3_600_000
    const rush = random() < 0.5
    const all: Payment[] = []
    for (let index = 0; index < 50; index++) {
      atMs += rush && index > 5 && index < 46 ? 3_000 : Math.ceil(random() * 500) * 1_000
      all.push(proven(payment({ ...person(random, index), counter: counter++, initiatedAtMs: atMs })))
    }
    yield { all, perBundle: [50, 25, 10, 1][Math.floor(random() * 4)] ?? 50, atMs: atMs + 60_000, day: day + 24 }
  }
}

/** Customers sign what they pay; above its limit the policy asks for an agent's approval. */
function proven(one: Payment): Payment {
  return {
    ...one,
    ...(one.sender !== OWNER && unverified(one)),
    ...(one.amount > POLICY.requireAgentApprovalAbove && { approval: unverifiedApproval(one.initiatedAtMs) }),
  }
}

it.each(Object.entries(PEOPLE))('%s is accepted by the local score, day after day', (_, person) => {
  const over: number[] = []
  let bundles = 0
  for (let seed = 1; seed <= 40; seed++) {
    let history = emptyHistory
    let activity: Activity = new Map()
    for (const { all, perBundle, atMs, day } of days(person, seed)) {
      const key = activityKey(calendarDay(atMs, POLICY.timeZone), 'XOF')
      for (let first = 0; first < all.length; first += perBundle) {
        const payments = all.slice(first, first + perBundle)
        const local = assessLocally(input({ payments, history, signedAtMs: atMs, deviceAgeMs: (day + 7) * DAY_MS }))
        const risk = combine({ ok: false, error: { reason: 'timeout' } }, local)
        const context = {
          policy: POLICY,
          nowMs: atMs,
          takerId: deviceId('POS-1'),
          ownerWallet: OWNER,
          paysUntilMs: Number.POSITIVE_INFINITY,
          timeFloorMs: undefined,
        }
        const judged = judgeWithRisk(payments, activity, context, risk)
        history = updateHistory(history, payments, judged.verdicts, { ...KEPT, nowMs: atMs })
        activity = new Map([[key, judged.activity.get(key) ?? { count: 0, value: 0 }]])
        bundles++
        if (local.score >= POLICY.acceptBelowScore) over.push(local.score)
      }
    }
  }
  expect(bundles).toBeGreaterThan(5_000)
  // Who buys for more than the review limit at one shop, in three goes of a day, is asked about.
  expect(over.length / bundles).toBeLessThan(0.002)
})
