import { readFileSync } from 'node:fs'
import type { Dice } from '../dice.ts'

/**
 * Amounts and hours are drawn from the market day (dev/data/README.md) and spread a little, so that no two months repeat
 * its rows. Its mean of 9 000 F CFA a payment is that of the union: 63 890 billion F CFA in 5.14 billion payments of 2021
 * are 12 400 (BCEAO's figures), less for payments at counters.
 */
const CSV = new URL('../../../dev/data/market-day.csv', import.meta.url)

interface Row {
  readonly seconds: number
  readonly type: string
  readonly amount: number
}

const rows = readFileSync(CSV, 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line): Row => {
    const [seconds, type = '', amount] = line.split(',')
    return { seconds: Number(seconds), type, amount: Number(amount) }
  })
const byType = Map.groupBy(rows, ({ type }) => type)

/** Coins end at 25. */
const COIN = 25
const SMALLEST = 100
/** What may be paid offline at all: a device takes no more. */
const LARGEST = 100_000
const SPREAD = 0.25

/** @param scale against the market's prices: 1 is a meal for a family */
export function price(dice: Dice, type: 'merchant' | 'p2p' | 'cashin' | 'cashout', scale = 1, step = COIN): number {
  const { amount } = dice.pick(byType.get(type) ?? [])
  return rounded(amount * scale * dice.factor(SPREAD), step)
}

export function rounded(amount: number, step = COIN): number {
  return Math.min(LARGEST, Math.max(SMALLEST, step, Math.round(amount / step) * step))
}

/** Seconds since midnight, by the market's course of the day. */
export const hour = (dice: Dice): number => dice.pick(rows).seconds + dice.int(0, 600)
