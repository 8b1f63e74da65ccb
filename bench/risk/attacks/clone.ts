import type { Push } from '../actor.ts'
import { type Attack, actor, loot, MINUTE_MS, oneByOne, pieces, type Stage, victim, wallets } from './kit.ts'

/** Somebody has a copy of a device, key and all, and debits its owner's wallet beside it. */
function copies(stage: Stage, seqs: number) {
  const { dice } = stage
  // It goes on living after the attack has begun.
  const device = victim(stage, dice.pick(['shop', 'phone', 'stall', 'pharmacy'] as const), 21)
  const to = wallets(stage, 'M', 4)
  const sums = pieces(dice, 400_000, 15_000, 50_000)
  const taken = loot(dice, sums.length, 10 * MINUTE_MS, (index) => {
    return { type: 'p2p', amount: sums[index] as number, sender: device.ownerWallet, receiver: to[index % 4] as string }
  })
  const ahead = { seqs, counters: seqs === 0 ? 0 : 200 }
  const copied: Push[] = oneByOne(taken).map((push) => ({ ...push, ahead }))
  return {
    actors: [
      actor(
        stage,
        device,
        [...device.pushes, ...copied].sort((a, b) => a.arrivesAtMs - b.arrivesAtMs),
      ),
    ],
  }
}

export const clone: Attack = {
  name: 'clone',
  variants: [
    { name: 'in the same place as the device', attempt: (stage) => copies(stage, 0) },
    { name: 'three places ahead', attempt: (stage) => copies(stage, 3) },
    { name: 'forty places ahead', attempt: (stage) => copies(stage, 40) },
    { name: 'sixty places ahead', attempt: (stage) => copies(stage, 60) },
  ],
}
