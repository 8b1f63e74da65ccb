import { DAY_MS } from '../../src/protocol/time.ts'
import type { Judged } from './judge/month.ts'
import { MONTH_STARTS_MS } from './people/calendar.ts'

/** Money by what became of it. */
export class Sum {
  count = 0
  value = 0
  readonly byWhy = new Map<string, { count: number; value: number }>()

  add(value: number, why: string): void {
    this.count++
    this.value += value
    const one = this.byWhy.get(why) ?? { count: 0, value: 0 }
    this.byWhy.set(why, { count: one.count + 1, value: one.value + value })
  }

  valueOf(why: string): number {
    return this.byWhy.get(why)?.value ?? 0
  }
}

/** When an honest payment falls: on its device's first day, late after days without a network, or on any other. */
export type When = 'first day' | 'later' | 'backlog'

export interface Tally {
  /** `moved`, or why it did not: `risk`, `policy`, `twin`, `time`, `refused`, … */
  readonly honest: Map<When, Sum>
  readonly trades: Map<string, Sum>
  /** By attack, then by variant. */
  readonly attacks: Map<string, Map<string, Sum>>
  /** Value in whose bundle a rule spoke, and value that waited then. */
  readonly rules: Map<string, { honest: Sum; attack: Sum }>
}

export const newTally = (): Tally => ({ honest: new Map(), trades: new Map(), attacks: new Map(), rules: new Map() })

export function add(tally: Tally, judged: readonly Judged[]): void {
  for (const one of judged) {
    const { actor, intent } = one
    const why = whyOf(one)
    const isHonest = actor.attack === undefined
    if (isHonest && intent.atMs < MONTH_STARTS_MS) continue
    if (!isHonest && intent.loot !== true) continue
    if (actor.attack === undefined) {
      of(tally.honest, whenOf(one)).add(intent.amount, why)
      of(tally.trades, actor.group).add(intent.amount, why)
    } else {
      const variants = tally.attacks.get(actor.attack) ?? new Map<string, Sum>()
      tally.attacks.set(actor.attack, variants)
      of(variants, actor.group).add(intent.amount, why)
    }
    for (const rule of one.rules) {
      const both = tally.rules.get(rule) ?? { honest: new Sum(), attack: new Sum() }
      tally.rules.set(rule, both)
      both[isHonest ? 'honest' : 'attack'].add(intent.amount, one.fate === 'waits' ? 'waits' : 'passes')
    }
  }
}

/** What an attack's payment met, or what an honest one waits for. */
export function whyOf({ fate, reason }: Judged): string {
  if (fate === 'moved') return 'moved'
  if (fate === 'chain') return 'chain'
  if (reason === 'risk_review' || reason === 'risk_rejected' || reason === 'reviewer_rejected') return 'risk'
  switch (reason) {
    case 'amount_review':
      return 'amount'
    case 'time_out_of_range':
      return 'time'
    case 'payer_not_proven':
    case 'payer_refused':
    case 'same_wallet':
      return 'authority'
    case 'limit_exceeded':
    case 'too_old':
      return 'limits'
    case 'insufficient_funds':
      return 'funds'
    case 'duplicate':
      return 'twin'
    default:
      return reason ?? 'other'
  }
}

function whenOf({ actor, intent, arrivesAtMs }: Judged): When {
  if (intent.atMs - actor.registeredAtMs < DAY_MS) return 'first day'
  return arrivesAtMs - intent.atMs > DAY_MS ? 'backlog' : 'later'
}

function of<Key>(map: Map<Key, Sum>, key: Key): Sum {
  const sum = map.get(key) ?? new Sum()
  map.set(key, sum)
  return sum
}

/** What waits for a person, whatever for. */
export const WAITS = ['risk', 'amount', 'time', 'twin'] as const
export const share = (sum: Sum | undefined, whys: readonly string[]): number =>
  sum === undefined || sum.value === 0 ? 0 : whys.reduce((total, why) => total + sum.valueOf(why), 0) / sum.value
/** Variants of an attack weigh the same. */
export function stopped(variants: ReadonlyMap<string, Sum>): number {
  const shares = [...variants.values()].map((sum) => 1 - share(sum, ['moved']))
  return shares.reduce((total, one) => total + one, 0) / shares.length
}
