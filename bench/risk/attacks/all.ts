import type { Dice } from '../dice.ts'
import { backdating } from './backdating.ts'
import { clone } from './clone.ts'
import { collusion } from './collusion.ts'
import { emptiedWallet } from './emptied-wallet.ts'
import { farmedReputation } from './farmed-reputation.ts'
import type { Attack, Attempt } from './kit.ts'
import { mule } from './mule.ts'
import { stolenTill } from './stolen-till.ts'
import { structuring } from './structuring.ts'

export const ATTACKS: readonly Attack[] = [
  stolenTill,
  clone,
  mule,
  structuring,
  emptiedWallet,
  backdating,
  collusion,
  farmedReputation,
]

/** Each variant of each attack, so many times. */
export function allAttempts(dice: Dice, times: number): readonly Attempt[] {
  return ATTACKS.flatMap(({ name: attack, variants }, a) =>
    variants.flatMap(({ name: variant, attempt }, v) =>
      Array.from({ length: times }, (_, n) => attempt({ dice: dice.fork(), name: `A${a}.${v}.${n}`, attack, variant })),
    ),
  )
}
