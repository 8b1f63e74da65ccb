import {
  type Attack,
  actor,
  attackStart,
  fresh,
  HOUR_MS,
  loot,
  MINUTE_MS,
  oneByOne,
  pieces,
  type Stage,
  together,
  wallets,
} from './kit.ts'

/**
 * A wallet that collects for somebody else. What was collected is not gone before it is sent on: with a device of the
 * mule's own the loot is what leaves it.
 */
function passesOn(stage: Stage, daysBefore: number, send: typeof together | typeof oneByOne) {
  const { dice } = stage
  const mule = fresh(stage, 'F', daysBefore)
  const victims = wallets(stage, 'X', 14)
  const collected = loot(dice, 14, 12 * MINUTE_MS, (index) => {
    return {
      type: 'p2p',
      amount: dice.int(150, 400) * 100,
      sender: victims[index] as string,
      receiver: mule.ownerWallet,
      signed: true,
    }
  }).map((payment) => ({ ...payment, loot: false }))
  const total = collected.reduce((sum, { amount }) => sum + amount, 0)
  const to = wallets(stage, 'B', 2)
  const sums = pieces(dice, Math.floor(total / 100) * 100, 30_000, 50_000)
  const sent = loot(
    dice,
    sums.length,
    3 * MINUTE_MS,
    (index) => {
      return { type: 'p2p', amount: sums[index] as number, sender: mule.ownerWallet, receiver: to[index % 2] as string }
    },
    attackStart() + 4 * HOUR_MS,
  )
  return {
    actors: [actor(stage, mule, [...oneByOne(collected), ...send(sent)])],
    // It has what was collected, and no more.
    funds: [{ wallet: mule.ownerWallet, amount: 0 }],
  }
}

export const mule: Attack = {
  name: 'mule collecting',
  variants: [
    {
      name: 'debits without a signature, into a third wallet',
      attempt: (stage) => {
        const device = fresh(stage)
        const victims = wallets(stage, 'X', 40)
        const taken = loot(stage.dice, 40, 3 * MINUTE_MS, (index) => {
          return {
            type: 'p2p',
            amount: stage.dice.int(30, 100) * 100,
            sender: victims[index] as string,
            receiver: `W-${stage.name}-M`,
          }
        })
        return { actors: [actor(stage, device, together(taken))] }
      },
    },
    {
      name: 'signed by deceived people, sent on in one bundle, new device',
      attempt: (stage) => passesOn(stage, 0, together),
    },
    {
      name: 'signed by deceived people, sent on one by one, new device',
      attempt: (stage) => passesOn(stage, 0, oneByOne),
    },
    {
      name: 'signed by deceived people, sent on one by one, after two silent weeks',
      attempt: (stage) => passesOn(stage, 14, oneByOne),
    },
  ],
}
