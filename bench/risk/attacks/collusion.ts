import { type Attack, actor, loot, MINUTE_MS, oneByOne, pieces, type Stage, together, victim } from './kit.ts'

const shops = ['shop', 'wholesaler', 'pharmacy'] as const

/** Its owner's signature is at hand with it: whoever has the phone can sign. */
function atFriends(stage: Stage, send: typeof together | typeof oneByOne) {
  const shop = victim(stage, stage.dice.pick(shops))
  const sums = pieces(stage.dice, 400_000, 30_000, 50_000)
  const signed = loot(stage.dice, sums.length, 5 * MINUTE_MS, (index) => {
    return {
      type: 'merchant',
      amount: sums[index] as number,
      sender: `W-${stage.name}-P`,
      receiver: shop.ownerWallet,
      signed: true,
    }
  })
  return { actors: [actor(stage, shop, [...shop.pushes, ...send(signed)])] }
}

export const collusion: Attack = {
  name: 'collusion of shop and payer',
  variants: [
    {
      name: 'a payer signs far beyond the wallet at six tills',
      attempt: (stage) => {
        const payer = `W-${stage.name}-P`
        const actors = Array.from({ length: 6 }, (_, index) => {
          const at = { ...stage, name: `${stage.name}-${index}`, dice: stage.dice.fork() }
          const till = victim(at, at.dice.pick(shops))
          const signed = loot(at.dice, 3, 20 * MINUTE_MS, () => {
            return {
              type: 'merchant',
              amount: at.dice.int(250, 500) * 100,
              sender: payer,
              receiver: till.ownerWallet,
              signed: true,
            }
          })
          return actor(at, till, [...till.pushes, ...together(signed, (index + 1) * 30 * MINUTE_MS)])
        })
        return { actors, funds: [{ wallet: payer, amount: 20_000 }] }
      },
    },
    {
      name: 'money goes round between shop and payer',
      attempt: (stage) => {
        const shop = victim(stage, stage.dice.pick(shops))
        const payer = `W-${stage.name}-P`
        const round = loot(stage.dice, 10, 10 * MINUTE_MS, (index) => {
          const amount = stage.dice.int(350, 500) * 100
          return index % 2 === 0
            ? { type: 'merchant', amount, sender: payer, receiver: shop.ownerWallet, signed: true }
            : { type: 'p2p', amount, sender: shop.ownerWallet, receiver: payer }
        })
        return { actors: [actor(stage, shop, [...shop.pushes, ...together(round)])] }
      },
    },
    { name: 'a stolen phone signs at a friend’s shop, one by one', attempt: (stage) => atFriends(stage, oneByOne) },
    { name: 'a stolen phone signs at a friend’s shop, in one bundle', attempt: (stage) => atFriends(stage, together) },
  ],
}
