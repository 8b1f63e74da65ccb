import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import type { SignedRefund } from './refunds.ts'

/** Promises 2 and 4: the balances are those of the beginning and what the statuses of the payments say, each once. */
export function balancesFollow(
  { wallets }: World,
  booked: readonly BookedPayment[],
  balances: ReadonlyMap<string, number>,
  refunds: readonly SignedRefund[],
): string[] {
  // What refunds had left went back with the reversal: together as if there had been neither.
  const statuses = new Map([...booked].map(({ localId, status }) => [localId, status]))
  const isUndone = new Set(refunds.flatMap(({ localId, of }) => (statuses.get(of) === 'reversed' ? localId : [])))
  const expected = new Map(wallets.map(({ wallet, amount }) => [wallet, amount]))
  for (const { localId, status, sender, receiver, amount } of booked) {
    if (status !== 'succeeded' || isUndone.has(localId)) continue
    expected.set(sender, (expected.get(sender) ?? 0) - amount)
    expected.set(receiver, (expected.get(receiver) ?? 0) + amount)
  }
  return [...expected]
    .filter(([wallet, amount]) => (balances.get(wallet) ?? 0) !== amount)
    .map(([wallet, amount]) => `${wallet} has ${balances.get(wallet)} F, and its payments make it ${amount} F`)
}
