import type { Intent } from '../actor.ts'
import { dayStart } from '../people/calendar.ts'
import {
  ATTACK_DAY,
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

/** Twenty days of small payments between the attacker's own wallets, in both directions; then the theft. */
function farm(stage: Stage, device: ReturnType<typeof fresh>, sink: string) {
  const { dice } = stage
  const friends = wallets(stage, 'R', 6)
  const pushes = Array.from({ length: ATTACK_DAY }, (_, day) => {
    const startMs = dayStart(day) + 8 * HOUR_MS
    const sales = Array.from({ length: 25 }, (_, index): Intent => {
      const atMs = startMs + index * 15 * MINUTE_MS
      const amount = dice.int(10, 60) * 100
      return index % 12 === 11
        ? { type: 'p2p', amount, sender: device.ownerWallet, receiver: sink, atMs }
        : { type: 'merchant', amount, sender: dice.pick(friends), receiver: device.ownerWallet, atMs }
    })
    return together(sales)
  })
  return pushes.flat()
}

export const farmedReputation: Attack = {
  name: 'farmed reputation',
  variants: [
    {
      name: 'then collects from deceived people and sends it on, one by one',
      attempt: (stage) => {
        const { dice } = stage
        const device = fresh(stage, 'F', ATTACK_DAY)
        const sink = `W-${stage.name}-B`
        const victims = wallets(stage, 'X', 10)
        const collected = loot(dice, 10, 10 * MINUTE_MS, (index) => {
          return {
            type: 'p2p',
            amount: dice.int(200, 450) * 100,
            sender: victims[index] as string,
            receiver: device.ownerWallet,
            signed: true,
          }
        }).map((one) => ({ ...one, loot: false }))
        const total = collected.reduce((sum, { amount }) => sum + amount, 0)
        const sums = pieces(dice, total, 30_000, 50_000)
        const sent = loot(
          dice,
          sums.length,
          3 * MINUTE_MS,
          (index) => {
            return { type: 'p2p', amount: sums[index] as number, sender: device.ownerWallet, receiver: sink }
          },
          attackStart() + 3 * HOUR_MS,
        )
        return {
          actors: [actor(stage, device, [...farm(stage, device, sink), ...oneByOne(collected), ...oneByOne(sent)])],
          funds: [{ wallet: device.ownerWallet, amount: 500_000 }],
        }
      },
    },
    {
      name: 'then debits strangers without a signature, into a third wallet',
      attempt: (stage) => {
        const { dice } = stage
        const device = fresh(stage, 'F', ATTACK_DAY)
        const victims = wallets(stage, 'X', 40)
        const taken = loot(dice, 40, 2 * MINUTE_MS, (index) => {
          return {
            type: 'p2p',
            amount: dice.int(80, 100) * 100,
            sender: victims[index] as string,
            receiver: `W-${stage.name}-B`,
          }
        })
        return { actors: [actor(stage, device, [...farm(stage, device, `W-${stage.name}-B`), ...together(taken)])] }
      },
    },
    {
      name: 'then debits strangers without a signature, just under the proof, into its own',
      attempt: (stage) => {
        const { dice } = stage
        const device = fresh(stage, 'F', ATTACK_DAY)
        const victims = wallets(stage, 'X', 40)
        const taken = loot(dice, 40, 2 * MINUTE_MS, (index) => {
          return {
            type: 'merchant',
            amount: dice.int(80, 100) * 100,
            sender: victims[index] as string,
            receiver: device.ownerWallet,
          }
        })
        return { actors: [actor(stage, device, [...farm(stage, device, `W-${stage.name}-B`), ...together(taken)])] }
      },
    },
  ],
}
