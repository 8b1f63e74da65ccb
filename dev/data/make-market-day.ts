import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Country } from '../../src/protocol/policy.ts'
import { hash32 } from '../random.ts'

/**
 * Makes market-day.csv from a PaySim log: one of its days, thinned out, with its people folded into a small market and
 * its amounts brought to everyday sums in F CFA. No randomness: the same log gives the same file.
 *
 *   npx node dev/data/make-market-day.ts paysim-98.csv.gz > dev/data/market-day.csv
 */

/** Steps are hours since the start of the log. Its second day has the most even mix of types. */
const FIRST_STEP = 25
const STEPS = 24
/** Its 24 hours become the twelve of a market day, so that its peak stays a peak. */
const OPENS_SECONDS = 7 * 3600
const CLOSES_SECONDS = 19 * 3600

/**
 * How each type is carried over. `rows`: how many of the day are kept, evenly spaced; payments at merchants are what is
 * taken offline most. `divisor`: PaySim's payments already are everyday sums, but its transfers are of a million and
 * its cash movements of 130 000 in the median; a phone and an agent take their day within what a new device is trusted with.
 * DEBIT (wallet to bank) has no counterpart and is left out.
 */
const TYPES = {
  PAYMENT: { type: 'merchant', rows: 1500, divisor: 1 },
  CASH_IN: { type: 'cashin', rows: 200, divisor: 16 },
  CASH_OUT: { type: 'cashout', rows: 200, divisor: 16 },
  TRANSFER: { type: 'p2p', rows: 600, divisor: 40 },
} as const
type SourceType = keyof typeof TYPES

/** The market's people per country; who has the busiest counterpart in the log stays the busiest. */
const MARKET: Record<Country, { customers: number; merchants: number; agents: number }> = {
  SN: { customers: 160, merchants: 17, agents: 8 },
  CI: { customers: 100, merchants: 11, agents: 5 },
  ML: { customers: 48, merchants: 5, agents: 3 },
  BF: { customers: 40, merchants: 5, agents: 2 },
  TG: { customers: 24, merchants: 3, agents: 1 },
  BJ: { customers: 28, merchants: 4, agents: 1 },
}
const COUNTRIES = Object.keys(MARKET) as Country[]
const CUSTOMERS = COUNTRIES.reduce((sum, country) => sum + MARKET[country].customers, 0)

/**
 * People whom one customer sends money to: family and friends. Of the log's many customers about three become one here, and a
 * small market asks a phone for more transfers than one person makes; to strangers each time, that is what a thief does.
 */
const FRIENDS = 5

/** Prices end in 0, 25, 50 or 75: the smallest coins in use. */
const COIN = 25
const AMOUNT_MIN = 100

interface SourceRow {
  readonly step: number
  readonly type: SourceType
  readonly amount: number
  readonly customer: string
  readonly other: string
}

function dayOf(csv: string): SourceRow[] {
  const rows: SourceRow[] = []
  for (const line of csv.split('\n').slice(1)) {
    const [step = '', type = '', amount = '', customer = '', , , other = ''] = line.split(',')
    if (Number(step) < FIRST_STEP || Number(step) >= FIRST_STEP + STEPS || !Object.hasOwn(TYPES, type)) continue
    rows.push({ step: Number(step), type: type as SourceType, amount: Number(amount), customer, other })
  }
  return rows
}

/** The kept rows of each type, evenly spaced over the day, in the order of the log. */
function thinned(rows: readonly SourceRow[]): SourceRow[] {
  const kept = new Set<SourceRow>()
  for (const source of Object.keys(TYPES) as SourceType[]) {
    const all = rows.filter(({ type }) => type === source)
    const count = Math.min(TYPES[source].rows, all.length)
    for (let at = 0; at < count; at++) kept.add(all[Math.floor((at * all.length) / count)] as SourceRow)
  }
  return rows.filter((row) => kept.has(row))
}

/** The country where the customer lives; the shares of the countries are those of their customers. */
function countryOf(customer: string): Country {
  let rest = hash32(`country ${customer}`) % CUSTOMERS
  for (const country of COUNTRIES) {
    rest -= MARKET[country].customers
    if (rest < 0) return country
  }
  throw new Error('unreachable: the remainder is below the sum')
}

/** A person of the log as a wallet of the market: C customer, M merchant, A agent. */
function wallet(country: Country, role: 'customers' | 'merchants' | 'agents', name: string): string {
  const number = (hash32(`${role} ${name}`) % MARKET[country][role]) + 1
  return `W-${country}-${role.charAt(0).toUpperCase()}${String(number).padStart(3, '0')}`
}

/** One of the few whom this customer sends to; never the customer. */
function friendOf(customer: string, country: Country, name: string): string {
  const number = hash32(`friend ${name}`) % FRIENDS
  for (let tries = 0; ; tries++) {
    const friend = wallet(country, 'customers', `${number} of ${customer}, ${tries}`)
    if (friend !== customer) return friend
  }
}

function parties(row: SourceRow, country: Country): [sender: string, receiver: string] {
  const customer = wallet(country, 'customers', row.customer)
  switch (row.type) {
    case 'PAYMENT':
      return [customer, wallet(country, 'merchants', row.other)]
    case 'TRANSFER':
      return [customer, friendOf(customer, country, row.other)]
    case 'CASH_IN':
      return [wallet(country, 'agents', row.other), customer]
    case 'CASH_OUT':
      return [customer, wallet(country, 'agents', row.other)]
  }
}

function marketDay(rows: readonly SourceRow[]): string {
  const perStep = Map.groupBy(rows, ({ step }) => step)
  const lines = ['at_seconds,type,amount,sender,receiver,country']
  for (const row of rows) {
    const country = countryOf(row.customer)
    const [sender, receiver] = parties(row, country)
    const step = perStep.get(row.step) as SourceRow[]
    const hour = row.step - FIRST_STEP + step.indexOf(row) / step.length
    const at = OPENS_SECONDS + Math.floor((hour / STEPS) * (CLOSES_SECONDS - OPENS_SECONDS))
    const amount = Math.max(AMOUNT_MIN, Math.round(row.amount / TYPES[row.type].divisor / COIN) * COIN)
    lines.push([at, TYPES[row.type].type, amount, sender, receiver, country].join(','))
  }
  return `${lines.join('\n')}\n`
}

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('usage: npx node dev/data/make-market-day.ts <paysim log, .csv.gz>')
process.stdout.write(marketDay(thinned(dayOf(gunzipSync(readFileSync(path)).toString()))))
