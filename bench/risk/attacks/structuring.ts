import { type Attack, actor, loot, MINUTE_MS, oneByOne, pieces, type Stage, together, victim, wallets } from './kit.ts'

/**
 * 400 000 F CFA from one payer to one shop, in pieces that each limit lets through. What one payment may be openly is nothing
 * that was gained by splitting.
 */
function split(
  stage: Stage,
  open: number,
  low: number,
  high: number,
  send: typeof together | typeof oneByOne,
  signed = true,
) {
  const shop = victim(stage, stage.dice.pick(['shop', 'wholesaler', 'pharmacy', 'stall'] as const))
  const sums = pieces(stage.dice, 400_000, low, high)
  const taken = loot(stage.dice, sums.length, 10 * MINUTE_MS, (index) => {
    return {
      type: 'merchant',
      amount: sums[index] as number,
      sender: `W-${stage.name}-P`,
      receiver: shop.ownerWallet,
      signed,
    }
  })
  let sum = 0
  const gained = taken.map((one) => {
    sum += one.amount
    return { ...one, loot: sum > open }
  })
  return { actors: [actor(stage, shop, [...shop.pushes, ...send(gained)])] }
}

export const structuring: Attack = {
  name: 'structuring under a limit',
  variants: [
    {
      name: "just under the payer's proof, one bundle",
      attempt: (stage) => split(stage, 10_000, 9500, 10_000, together, false),
    },
    {
      name: "under the payer's proof, one by one",
      attempt: (stage) => split(stage, 10_000, 7000, 10_000, oneByOne, false),
    },
    {
      name: "just under the agent's approval, one by one",
      attempt: (stage) => split(stage, 50_000, 47_500, 50_000, oneByOne),
    },
    {
      name: 'just under the manual review, one bundle',
      attempt: (stage) => split(stage, 75_000, 71_500, 75_000, together),
    },
    { name: 'far under the approval, one by one', attempt: (stage) => split(stage, 50_000, 25_000, 42_000, oneByOne) },
    {
      name: "many payers, just under the payer's proof, one bundle",
      attempt: (stage) => {
        const shop = victim(stage, stage.dice.pick(['shop', 'pharmacy', 'stall'] as const))
        const payers = wallets(stage, 'P', 30)
        const taken = loot(stage.dice, 30, 5 * MINUTE_MS, (index) => {
          return {
            type: 'merchant',
            amount: stage.dice.int(95, 100) * 100,
            sender: payers[index] as string,
            receiver: shop.ownerWallet,
          }
        })
        return { actors: [actor(stage, shop, [...shop.pushes, ...together(taken)])] }
      },
    },
  ],
}
