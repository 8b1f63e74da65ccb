import { MINUTE_MS } from '../../../src/protocol/time.ts'
import type { Actor, Intent, Push } from '../actor.ts'
import type { Dice } from '../dice.ts'
import { busyness, DAYS, DAYS_BEFORE, dayStart, type Outage, outages } from './calendar.ts'
import { REACHES, type Reach, sync } from './sync.ts'
import { type Person, SHARES, TRADES, type TradeName } from './trades.ts'

/** The month of honest people: who has a device, since when, and what it sends. */
export function honestFleet(dice: Dice, devices: number): Actor[] {
  const regions = Array.from({ length: 4 }, () => outages(dice.fork()))
  return Array.from({ length: devices }, (_, index): Actor => {
    const own = dice.fork()
    const trade = spread(index, devices, SHARES)
    // Half are known since before the month; the others begin one after the other.
    const firstDay = index % 2 === 0 ? -DAYS_BEFORE : own.int(0, DAYS - 5)
    const reach = weighted(own, REACHES)
    const life = { trade, reach, firstDay, days: DAYS - firstDay, outages: own.pick(regions) }
    return { ...liveHonestly(own, `H${index}`, life), group: trade }
  })
}

export interface Life {
  readonly trade: TradeName
  readonly reach: Reach
  readonly firstDay: number
  readonly days: number
  readonly outages: readonly Outage[]
}

export type Alive = Pick<Actor, 'id' | 'ownerWallet' | 'registeredAtMs' | 'pushes'> & { readonly person: Person }

/** One device's days. */
export function liveHonestly(dice: Dice, name: string, { trade, reach, firstDay, days, outages }: Life): Alive {
  let strangers = 0
  const wallets = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `W-${name}-${kind}${i}`)
  const person: Person = {
    dice,
    wallet: `W-${name}`,
    regulars: wallets('R', 60),
    suppliers: wallets('S', 14),
    stranger: () => `W-${name}-X${strangers++}`,
    scale: dice.factor(0.3),
  }
  const registeredAtMs = dayStart(firstDay) + 6.2 * 60 * MINUTE_MS
  const taken: Intent[] = []
  for (let day = firstDay; day < firstDay + days; day++) {
    const today = { day, startMs: dayStart(day), busyness: busyness(day) }
    const all = TRADES[trade](person, today).map((one) => ({ ...one, atMs: Math.floor(one.atMs / 1000) * 1000 }))
    taken.push(...withinLimits(all.sort((a, b) => a.atMs - b.atMs)))
  }
  const pushes: readonly Push[] = sync(dice, taken, reach, outages)
  return { id: `D-${name}`, ownerWallet: person.wallet, registeredAtMs, pushes, person }
}

/** The SDK takes what the policy's day has room for: the default's 50 payments and 500 000 F CFA. */
function withinLimits(day: readonly Intent[]): Intent[] {
  let value = 0
  const taken: Intent[] = []
  for (const one of day) {
    if (taken.length === 50 || value + one.amount > 500_000) continue
    value += one.amount
    taken.push(one)
  }
  return taken
}

/** Fills the shares evenly: a hundred devices hold each trade exactly as often as it says. */
function spread<Name extends string>(index: number, of: number, shares: Readonly<Record<Name, number>>): Name {
  // A golden step visits the whole circle evenly, so that new and old devices have the same trades.
  const place = (((index + 0.5) * 0.618034) % 1) * 100 * (of > 0 ? 1 : 0)
  return atPlace(place, shares)
}

function weighted<Name extends string>(dice: Dice, shares: Readonly<Record<Name, number>>): Name {
  return atPlace(dice.next() * 100, shares)
}

function atPlace<Name extends string>(place: number, shares: Readonly<Record<Name, number>>): Name {
  let left = place
  for (const [name, share] of Object.entries(shares) as [Name, number][]) {
    left -= share
    if (left < 0) return name
  }
  return Object.keys(shares)[0] as Name
}
