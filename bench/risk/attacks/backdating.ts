import type { Push } from '../actor.ts'
import {
  type Attack,
  actor,
  attackStart,
  DAY_MS,
  HOUR_MS,
  loot,
  MINUTE_MS,
  oneByOne,
  pieces,
  type Stage,
  together,
  victim,
} from './kit.ts'

/** More than a day's limit leaves a wallet, dated into the days before. */
function payments(stage: Stage, sender: string, total: number, fromMs = attackStart()) {
  const sums = pieces(stage.dice, total, 30_000, 50_000)
  return loot(
    stage.dice,
    sums.length,
    3 * MINUTE_MS,
    (index) => {
      return { type: 'p2p', amount: sums[index] as number, sender, receiver: `W-${stage.name}-M${index % 6}` }
    },
    fromMs,
  )
}

export const backdating: Attack = {
  name: 'backdating',
  variants: [
    {
      name: 'into yesterday, after payments of today',
      attempt: (stage) => {
        const till = victim(stage, 'shop', 21)
        const dated = payments(stage, till.ownerWallet, 400_000, attackStart() + 12 * HOUR_MS).map((one) => ({
          ...one,
          datedMs: one.atMs - 26 * HOUR_MS,
        }))
        return { actors: [actor(stage, till, [...till.pushes, ...oneByOne(dated)])] }
      },
    },
    {
      name: 'over three silent days, in order, in one bundle',
      attempt: (stage) => {
        const till = victim(stage, 'shop', 17)
        const all = [0, 1, 2].flatMap((day) =>
          payments(stage, till.ownerWallet, 400_000, attackStart() + day * HOUR_MS).map((one) => ({
            ...one,
            datedMs: one.atMs - (2 - day) * DAY_MS + (2 - day) * HOUR_MS,
          })),
        )
        return { actors: [actor(stage, till, [...till.pushes, ...together(all)])] }
      },
    },
    {
      name: 'with a clock turned back, in one bundle',
      attempt: (stage) => {
        const till = victim(stage, 'shop', 19)
        const taken = payments(stage, till.ownerWallet, 400_000)
        const pushes = together(taken.map((one) => ({ ...one, datedMs: one.atMs - 20 * HOUR_MS }))).map(
          (push): Push => {
            return { ...push, signedMs: push.signedMs - 20 * HOUR_MS }
          },
        )
        return { actors: [actor(stage, till, [...till.pushes, ...pushes])] }
      },
    },
  ],
}
