import { allAttempts } from './attacks/all.ts'
import { Dice } from './dice.ts'
import { type Judged, liveMonth } from './judge/month.ts'
import { honestFleet } from './people/fleet.ts'

/** One seed's month: an honest market, and beside it every way of every attack. */
export async function month(seed: number, devices: number, attempts: number): Promise<Judged[]> {
  const dice = new Dice(seed * 0x9e3779b1)
  const honest = honestFleet(dice.fork(), devices)
  const attacks = allAttempts(dice.fork(), attempts)
  const actors = [...honest, ...attacks.flatMap((attempt) => attempt.actors)]
  return liveMonth(
    actors,
    attacks.flatMap(({ funds = [] }) => funds),
  )
}
