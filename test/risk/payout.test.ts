import { expect, it } from 'vitest'
import { emptyHistory, updateHistory } from '../../src/risk/history.ts'
import { assessLocally } from '../../src/risk/local.ts'
import type { LocalInput } from '../../src/risk/rule.ts'
import { ACCEPTED, DAY_MS, input, KEPT, MINUTE_MS, NOW_MS, OWNER, payment } from './kit.ts'

/** What the rule about money that leaves the owner's wallet holds: counters of payments. */
function held(over: Partial<LocalInput>): readonly number[] {
  const { payments, reasons } = assessLocally(input(over))
  return reasons.some(({ rule }) => rule === 'payout') ? payments.map(([counter]) => counter) : []
}

const out = (sums: readonly (readonly [receiver: string, amount: number])[], type: 'p2p' | 'cashin' = 'p2p') =>
  sums.map(([receiver, amount], index) =>
    payment({
      counter: index + 1,
      type,
      sender: OWNER,
      receiver,
      amount,
      initiatedAtMs: NOW_MS - (60 - index) * MINUTE_MS,
    }),
  )

/** A device that paid these so long ago. */
function paid(receiver: string, amount: number, days: number) {
  const past = [payment({ type: 'p2p', sender: OWNER, receiver, amount, initiatedAtMs: NOW_MS - days * DAY_MS })]
  return updateHistory(emptyHistory, past, [ACCEPTED], KEPT)
}

it('several payments to new payees are held beyond three small sums, and all of them', () => {
  expect(
    held({
      payments: out([
        ['W-A', 15_000],
        ['W-B', 15_000],
      ]),
    }),
  ).toEqual([])
  expect(
    held({
      payments: out([
        ['W-A', 15_000],
        ['W-B', 15_001],
      ]),
    }),
  ).toEqual([1, 2])
  expect(
    held({
      payments: out([
        ['W-A', 15_000],
        ['W-A', 15_001],
      ]),
    }),
  ).toEqual([1, 2])
})

it('one payment to a new payee is a rent', () => {
  expect(held({ payments: out([['W-A', 75_000]]) })).toEqual([])
})

it('what was sent and posted before counts, for a day', () => {
  const [first, second] = out([
    ['W-A', 30_000],
    ['W-B', 10_000],
  ])
  const history = updateHistory(emptyHistory, [first as never], [ACCEPTED], KEPT)
  expect(held({ history, payments: [second as never] })).toEqual([2])
  const later = { ...(second as object), initiatedAtMs: (first?.initiatedAtMs ?? 0) + DAY_MS }
  expect(held({ history, payments: [later as never] })).toEqual([])
})

it('a device pays as it likes in its first week: nobody is known to it yet', () => {
  const sums = {
    payments: out([
      ['W-A', 40_000],
      ['W-B', 40_000],
    ]),
  }
  expect(held({ ...sums, deviceAgeMs: 7 * DAY_MS - 1 })).toEqual([])
  expect(held({ ...sums, deviceAgeMs: 7 * DAY_MS })).toEqual([1, 2])
})

it('a payee is known after three days, for up to three times what it was paid before', () => {
  const pays = (amount: number) =>
    out([
      ['W-A', amount],
      ['W-B', 20_000],
    ])
  expect(held({ history: paid('W-A', 10_000, 3), payments: pays(30_000) })).toEqual([])
  expect(held({ history: paid('W-A', 10_000, 3), payments: pays(30_001) })).toEqual([1, 2])
  expect(held({ history: paid('W-A', 10_000, 2), payments: pays(30_000) })).toEqual([1, 2])
})

it('whatever the payees, half of what a device may move in a day is asked about', () => {
  const payees = ['W-A', 'W-B', 'W-C', 'W-D', 'W-E'].flatMap((receiver) => paid(receiver, 50_000, 9).payees)
  const history = { ...emptyHistory, payees }
  const all = (last: number) =>
    out([
      ['W-A', 50_000],
      ['W-B', 50_000],
      ['W-C', 50_000],
      ['W-D', 50_000],
      ['W-E', last],
    ])
  expect(held({ history, payments: all(50_000) })).toEqual([])
  expect(held({ history, payments: all(50_001) })).toEqual([1, 2, 3, 4, 5])
})

it('what many paid in by p2p is not sent on to somebody else, also from a new device', () => {
  const collected = (payers: number) =>
    Array.from({ length: payers }, (_, index) =>
      payment({
        ...{ counter: index + 1, type: 'p2p', sender: `W-${index}`, receiver: OWNER, amount: 9_000 },
        initiatedAtMs: NOW_MS - (90 - index) * MINUTE_MS,
      }),
    )
  const sent = (receiver: string, amount: number) =>
    payment({ counter: 20, type: 'p2p', sender: OWNER, receiver, amount, initiatedAtMs: NOW_MS - MINUTE_MS })
  const fresh = { deviceAgeMs: 0 }
  expect(held({ ...fresh, payments: [...collected(6), sent('W-BOSS', 30_001)] })).toEqual([20])
  expect(held({ ...fresh, payments: [...collected(6), sent('W-BOSS', 30_000)] })).toEqual([])
  expect(held({ ...fresh, payments: [...collected(5), sent('W-BOSS', 30_001)] })).toEqual([])
  // A savings circle pays one of its members.
  expect(held({ ...fresh, payments: [...collected(6), sent('W-3', 50_000)] })).toEqual([])
})

it("an agent's cash-ins are a trade, and other people's payments are theirs", () => {
  expect(
    held({
      payments: out(
        [
          ['W-A', 40_000],
          ['W-B', 40_000],
        ],
        'cashin',
      ),
    }),
  ).toEqual([])
  const sales = out([
    ['W-A', 40_000],
    ['W-B', 40_000],
  ]).map((one) => ({ ...one, sender: one.receiver, receiver: OWNER }))
  expect(held({ payments: sales })).toEqual([])
})
