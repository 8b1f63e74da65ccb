import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/protocol/time.ts'
import type { Actor, Funds, Intent, Push } from '../actor.ts'
import type { Dice } from '../dice.ts'
import { rounded } from '../people/amounts.ts'
import { dayStart } from '../people/calendar.ts'
import { type Alive, type Life, liveHonestly } from '../people/fleet.ts'

/** One thing that an attacker does, once: the devices that take part, and wallets whose money is counted. */
export interface Attempt {
  readonly actors: readonly Actor[]
  readonly funds?: readonly Funds[]
}

/** A way to carry out an attack. Each has the same weight in its attack's figure. */
export interface Variant {
  readonly name: string
  readonly attempt: (stage: Stage) => Attempt
}

export interface Attack {
  readonly name: string
  readonly variants: readonly Variant[]
}

/** Where an attempt takes place. */
export interface Stage {
  readonly dice: Dice
  /** Goes into every name, so that no two attempts share a wallet. */
  readonly name: string
  readonly attack: string
  readonly variant: string
}

/** The day on which attacks come: devices that are known by then are known for this long. */
export const ATTACK_DAY = 20

/** A device that lived honestly until the attack. */
export function victim(stage: Stage, trade: Life['trade'], days = 12): Alive {
  const firstDay = ATTACK_DAY - days
  return liveHonestly(stage.dice.fork(), `${stage.name}V`, { trade, reach: 'online', firstDay, days, outages: [] })
}

/** A device that nobody knew before this morning. */
export function fresh(
  { name }: Stage,
  suffix = 'F',
  daysBefore = 0,
): Pick<Actor, 'id' | 'ownerWallet' | 'registeredAtMs' | 'pushes'> {
  const registeredAtMs = dayStart(ATTACK_DAY - daysBefore) + 7 * HOUR_MS
  return { id: `D-${name}${suffix}`, ownerWallet: `W-${name}${suffix}`, registeredAtMs, pushes: [] }
}

export const actor = (
  { attack, variant }: Stage,
  { id, ownerWallet, registeredAtMs }: Pick<Actor, 'id' | 'ownerWallet' | 'registeredAtMs'>,
  pushes: readonly Push[],
): Actor => ({ id, ownerWallet, registeredAtMs, pushes, attack, group: variant })

/** The attack's own hour: after the day's honest payments are in. */
export const attackStart = (): number => dayStart(ATTACK_DAY) + 10 * HOUR_MS

/** @param everyMs between one payment and the next */
export function loot(
  dice: Dice,
  count: number,
  everyMs: number,
  of: (index: number) => Omit<Intent, 'atMs' | 'loot'>,
  fromMs = attackStart(),
): Intent[] {
  let atMs = fromMs
  return Array.from({ length: count }, (_, index) => {
    atMs += Math.ceil((everyMs * dice.between(0.5, 1.5)) / 1000) * 1000
    return { ...of(index), atMs, loot: true }
  })
}

/** All in one bundle. */
export function together(payments: readonly Intent[], lateMs = 5 * MINUTE_MS): Push[] {
  const last = payments.at(-1)
  return last === undefined
    ? []
    : [{ arrivesAtMs: last.atMs + lateMs, sealedMs: last.atMs, signedMs: last.atMs + lateMs, payments }]
}

/** Each sent at once, so that the one before is posted when the next is judged. */
export function oneByOne(payments: readonly Intent[]): Push[] {
  return payments.map((payment) => {
    const sentMs = payment.atMs + 2000
    return { arrivesAtMs: sentMs, sealedMs: sentMs, signedMs: sentMs, payments: [payment] }
  })
}

/** A sum in pieces between two bounds; the last piece may be smaller. */
export function pieces(dice: Dice, total: number, low: number, high: number, step = 100): number[] {
  const all: number[] = []
  for (let left = total; left > 0; ) {
    const piece = Math.min(left, rounded(dice.between(low, high), step))
    all.push(piece)
    left -= piece
  }
  return all
}

export const wallets = ({ name }: Stage, kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `W-${name}-${kind}${index}`)

export { DAY_MS, HOUR_MS, MINUTE_MS }
