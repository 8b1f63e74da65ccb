import { type Attack, actor, loot, MINUTE_MS, oneByOne, pieces, type Stage, together, victim, wallets } from './kit.ts'

/** A thief has an unlocked phone: its wallet is sent away by p2p. */
function empty(
  stage: Stage,
  total: number,
  receivers: number,
  low: number,
  high: number,
  send: typeof together | typeof oneByOne,
) {
  const phone = victim(stage, 'phone')
  const to = wallets(stage, 'M', receivers)
  const sums = pieces(stage.dice, total, low, high)
  const taken = loot(stage.dice, sums.length, 2 * MINUTE_MS, (index) => {
    return {
      type: 'p2p',
      amount: sums[index] as number,
      sender: phone.ownerWallet,
      receiver: to[index % receivers] as string,
    }
  })
  return { actors: [actor(stage, phone, [...phone.pushes, ...send(taken)])] }
}

export const emptiedWallet: Attack = {
  name: 'emptied wallet',
  variants: [
    { name: 'to twelve, in one bundle', attempt: (stage) => empty(stage, 400_000, 12, 20_000, 30_000, together) },
    { name: 'to three, in one bundle', attempt: (stage) => empty(stage, 400_000, 3, 35_000, 50_000, together) },
    { name: 'to one, one by one', attempt: (stage) => empty(stage, 400_000, 1, 35_000, 50_000, oneByOne) },
    { name: 'to three, one by one', attempt: (stage) => empty(stage, 400_000, 3, 35_000, 50_000, oneByOne) },
    { name: 'to six, in small sums, one by one', attempt: (stage) => empty(stage, 400_000, 6, 8000, 15_000, oneByOne) },
  ],
}
