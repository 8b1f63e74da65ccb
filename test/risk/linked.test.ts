import { expect, it } from 'vitest'
import type { Payment } from '../../src/protocol/payment.ts'
import { emptyHistory, updateHistory } from '../../src/risk/history.ts'
import { assessLocally } from '../../src/risk/local.ts'
import type { LocalInput } from '../../src/risk/rule.ts'
import { ACCEPTED, DAY_MS, input, KEPT, MINUTE_MS, NOW_MS, OWNER, payment } from './kit.ts'

/** What the rule about split sums holds: counters of payments. */
function held(over: Partial<LocalInput>): readonly number[] {
  const { payments, reasons } = assessLocally(input(over))
  return reasons.some(({ rule }) => rule === 'linked') ? payments.map(([counter]) => counter) : []
}

const pieces = (amounts: readonly number[], over: Parameters<typeof payment>[0] = {}): Payment[] =>
  amounts.map((amount, index) =>
    payment({
      counter: index + 1,
      sender: 'W-SPLIT',
      amount,
      initiatedAtMs: NOW_MS - (60 - index) * MINUTE_MS,
      ...over,
    }),
  )

it('three payments between two wallets are one, held against the limit that asks for a person', () => {
  expect(held({ payments: pieces([25_000, 25_000, 25_000]) })).toEqual([])
  expect(held({ payments: pieces([25_000, 25_000, 25_001]) })).toEqual([1, 2, 3])
  expect(held({ payments: pieces([50_000, 50_000]) })).toEqual([])
})

it('small sums of one payer are held beyond five of the largest', () => {
  expect(held({ payments: pieces([10_000, 10_000, 10_000, 10_000, 10_000]) })).toEqual([])
  expect(held({ payments: pieces([9_000, 9_000, 9_000, 9_000, 9_000, 5_001]) })).toEqual([1, 2, 3, 4, 5, 6])
})

it('pieces that were posted before count, for a day, and others do not pay for them', () => {
  const [first, second, third] = pieces([30_000, 30_000, 30_000]) as [Payment, Payment, Payment]
  const history = updateHistory(emptyHistory, [first, second], [ACCEPTED, ACCEPTED], KEPT)
  const other = payment({ counter: 9, sender: 'W-OTHER', amount: 40_000 })
  expect(held({ history, payments: [third, other] })).toEqual([3])
  const nextDay = { ...third, initiatedAtMs: first.initiatedAtMs + DAY_MS }
  expect(held({ history, payments: [nextDay] })).toEqual([])
})

it("an agent's cash-ins to one wallet are linked; what the owner pays is not", () => {
  const large = [30_000, 30_000, 30_000]
  expect(held({ payments: pieces(large, { type: 'cashin', sender: OWNER, receiver: 'W-A' }) })).toEqual([1, 2, 3])
  expect(held({ payments: pieces(large, { type: 'p2p', sender: OWNER, receiver: 'W-A' }) })).toEqual([])
  // The owner's own payments need no signature.
  const small = Array(6).fill(9_000)
  expect(held({ payments: pieces(small, { type: 'cashin', sender: OWNER, receiver: 'W-A' }) })).toEqual([])
})

it('there and back are two directions', () => {
  const there = pieces([30_000, 30_000])
  const back = payment({ counter: 3, type: 'cashin', sender: OWNER, receiver: 'W-SPLIT', amount: 30_000 })
  expect(held({ payments: [...there, back] })).toEqual([])
})
