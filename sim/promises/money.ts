import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'

/** Promises 2 and 4: the balances are those of the beginning and what the statuses of the payments say, each once. */
export function balancesFollow(
  { wallets }: World,
  booked: Iterable<BookedPayment>,
  balances: ReadonlyMap<string, number>,
): string[] {
  const expected = new Map(wallets.map(({ wallet, amount }) => [wallet, amount]))
  for (const { status, sender, receiver, amount } of booked) {
    if (status !== 'succeeded') continue
    expected.set(sender, (expected.get(sender) ?? 0) - amount)
    expected.set(receiver, (expected.get(receiver) ?? 0) + amount)
  }
  return [...expected]
    .filter(([wallet, amount]) => (balances.get(wallet) ?? 0) !== amount)
    .map(([wallet, amount]) => `${wallet} has ${balances.get(wallet)} F, and its payments make it ${amount} F`)
}
