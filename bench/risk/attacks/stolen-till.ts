import type { Intent } from '../actor.ts'
import type { TradeName } from '../people/trades.ts'
import { type Attack, actor, loot, MINUTE_MS, oneByOne, pieces, type Stage, together, victim, wallets } from './kit.ts'

/** A thief has an unlocked till: other people's wallets, and the owner's. */
function owners(
  stage: Stage,
  trade: TradeName,
  mules: number,
  low: number,
  high: number,
): [ReturnType<typeof victim>, Intent[]] {
  const till = victim(stage, trade)
  const to = wallets(stage, 'M', mules)
  const sums = pieces(stage.dice, 400_000, low, high)
  const taken = loot(stage.dice, sums.length, 2 * MINUTE_MS, (index) => {
    return {
      type: 'p2p',
      amount: sums[index] as number,
      sender: till.ownerWallet,
      receiver: to[index % mules] as string,
    }
  })
  return [till, taken]
}

const trades = ['stall', 'shop', 'pharmacy', 'transport', 'wholesaler'] as const

export const stolenTill: Attack = {
  name: 'stolen till',
  variants: [
    {
      name: "strangers' wallets, into the thief's",
      attempt: (stage) => {
        const till = victim(stage, stage.dice.pick(trades))
        const strangers = wallets(stage, 'X', 40)
        const taken = loot(stage.dice, 40, MINUTE_MS, (index) => {
          const cash = index % 2 === 0
          return {
            type: cash ? 'cashout' : 'p2p',
            amount: stage.dice.int(20, 100) * 100,
            sender: strangers[index] as string,
            receiver: cash ? till.ownerWallet : `W-${stage.name}-M`,
          }
        })
        return { actors: [actor(stage, till, [...till.pushes, ...oneByOne(taken)])] }
      },
    },
    {
      name: "the owner's wallet, to three, in one bundle",
      attempt: (stage) => {
        const [till, taken] = owners(stage, stage.dice.pick(trades), 3, 40_000, 50_000)
        return { actors: [actor(stage, till, [...till.pushes, ...together(taken)])] }
      },
    },
    {
      name: "the owner's wallet, to four, one by one",
      attempt: (stage) => {
        const [till, taken] = owners(stage, stage.dice.pick(trades), 4, 20_000, 50_000)
        return { actors: [actor(stage, till, [...till.pushes, ...oneByOne(taken)])] }
      },
    },
    {
      name: "the owner's wallet, to eight, in small sums, one by one",
      attempt: (stage) => {
        const [till, taken] = owners(stage, stage.dice.pick(trades), 8, 8000, 12_000)
        return { actors: [actor(stage, till, [...till.pushes, ...oneByOne(taken)])] }
      },
    },
  ],
}
