import { readFileSync } from 'node:fs'
import type { PaymentType } from '../src/protocol/payment.ts'
import type { Country } from '../src/protocol/policy.ts'
import { seededRandom } from './random.ts'

/** A payment of the market day, before a device takes it. */
export interface MarketPayment {
  /** 0 is the first day; a device that is asked for more than its day holds goes on with the next one. */
  readonly day: number
  /** Seconds since midnight where the market is, 07:00 to 19:00. */
  readonly atSeconds: number
  readonly type: Exclude<PaymentType, 'refund'>
  /** F CFA. */
  readonly amountMinor: number
  readonly sender: string
  readonly receiver: string
}

/** A device and what it takes, in order: a merchant's till, an agent's terminal, or a customer's phone. */
export interface MarketDevice {
  readonly deviceId: string
  readonly kind: Kind
  readonly country: Country
  /** Receiver of merchant payments and cash-outs, sender of transfers and cash-ins. */
  readonly ownerWallet: string
  readonly payments: readonly MarketPayment[]
}

type Kind = 'merchant' | 'agent' | 'customer'
type Row = Omit<MarketPayment, 'day'> & { readonly country: Country }
type Owner = { readonly wallet: string; readonly kind: Kind; readonly rows: readonly Row[] }

const CSV = new URL('data/market-day.csv', import.meta.url)

export interface MarketOptions {
  readonly payments: number
  readonly devices: number
  readonly seed: number
  /** Goes into the names of devices and wallets, so that two days in one book have nobody in common. */
  readonly run?: string
}

/**
 * A market day (dev/data/README.md) for this many devices and exactly this many payments. The mix of types is that of
 * the data for two devices or more of each kind; the same arguments give the same day. More devices than the data has
 * owners make further markets with wallets of their own (`W-SN-M003.2`); more payments than a device's day make
 * further days, with amounts of their own.
 * @example loadMarketDay({ payments: 500, devices: 20, seed: 1 })
 */
export function loadMarketDay(options: MarketOptions): MarketDevice[] {
  const owners = ownersOf(readRows())
  const chosen = chooseOwners(owners, options.devices)
  const quotas = shareOut(
    options.payments,
    chosen.map(({ owner }) => owner),
    owners,
  )
  return chosen.map(({ owner, market }, at) => {
    const random = seededRandom(Math.imul(options.seed, 0x9e3779b1) + at)
    const [, country, number] = owner.wallet.split('-') as [string, Country, string]
    const suffix = (market === 0 ? '' : `.${market + 1}`) + (options.run === undefined ? '' : `-${options.run}`)
    const payments = takePayments(owner, quotas[at] as number, random, (wallet) => `${wallet}${suffix}`)
    const deviceId = `${PREFIX[owner.kind]}-${country}-${number}${suffix}`
    return { deviceId, kind: owner.kind, country, ownerWallet: `${owner.wallet}${suffix}`, payments }
  })
}

const PREFIX: Record<Kind, string> = { merchant: 'POS', agent: 'AGT', customer: 'TEL' }

/** Every wallet that takes part, for whoever opens the accounts; sorted. */
export function marketWallets(devices: readonly MarketDevice[]): { wallet: string; country: Country }[] {
  const wallets = new Map<string, Country>()
  for (const { ownerWallet, country, payments } of devices) {
    wallets.set(ownerWallet, country)
    for (const { sender, receiver } of payments) wallets.set(sender, country).set(receiver, country)
  }
  return [...wallets].map(([wallet, country]) => ({ wallet, country })).sort((a, b) => (a.wallet < b.wallet ? -1 : 1))
}

function readRows(): Row[] {
  const [, ...lines] = readFileSync(CSV, 'utf8').trimEnd().split('\n')
  return lines.map((line) => {
    const [atSeconds, type, amount, sender, receiver, country] = line.split(',') as [string, ...string[]]
    return { atSeconds: Number(atSeconds), type, amountMinor: Number(amount), sender, receiver, country } as Row
  })
}

/** Who takes a payment: the merchant, the agent, or for a transfer the sender with their own phone. */
function takerOf({ type, sender, receiver }: Row): { wallet: string; kind: Kind } {
  if (type === 'merchant') return { wallet: receiver, kind: 'merchant' }
  if (type === 'p2p') return { wallet: sender, kind: 'customer' }
  return { wallet: type === 'cashin' ? sender : receiver, kind: 'agent' }
}

/** Busiest first, so that a small market has those with the most to do. */
function ownersOf(rows: readonly Row[]): Owner[] {
  const byWallet = Map.groupBy(rows, (row) => takerOf(row).wallet)
  return [...byWallet]
    .map(([wallet, own]) => ({ wallet, kind: takerOf(own[0] as Row).kind, rows: own }))
    .sort((a, b) => b.rows.length - a.rows.length || (a.wallet < b.wallet ? -1 : 1))
}

interface Chosen {
  readonly owner: Owner
  readonly market: number
}

/** Devices by kind in proportion to the payments of the kind; when a market has no owner left, of the next market. */
function chooseOwners(owners: readonly Owner[], count: number): Chosen[] {
  const total = sum(owners.map(({ rows }) => rows.length))
  const kinds = [...Map.groupBy(owners, ({ kind }) => kind).values()].map((own) => ({
    own,
    share: sum(own.map(({ rows }) => rows.length)) / total,
    taken: 0,
  }))
  return Array.from({ length: count }, (_, at) => {
    // The kind that is furthest behind its share.
    const next = kinds.reduce((a, b) => (b.share * (at + 1) - b.taken > a.share * (at + 1) - a.taken ? b : a))
    const index = next.taken++
    return { owner: next.own[index % next.own.length] as Owner, market: Math.floor(index / next.own.length) }
  })
}

/** Payments per device: by kind as the data has them, within a kind by how busy the owner is; adds up exactly. */
function shareOut(payments: number, chosen: readonly Owner[], everybody: readonly Owner[]): number[] {
  const rowsOf = (owners: readonly Owner[], kind: Kind) =>
    sum(owners.map((owner) => (owner.kind === kind ? owner.rows.length : 0)))
  const weights = chosen.map(({ kind, rows }) => (rowsOf(everybody, kind) * rows.length) / rowsOf(chosen, kind))
  const total = sum(weights)
  // Rounding the running sum, not each share: nothing is left over.
  let running = 0
  let given = 0
  return weights.map((weight) => {
    running += weight
    const upTo = Math.round((running / total) * payments)
    const quota = upTo - given
    given = upTo
    return quota
  })
}

/** Whole days of the owner, and of the last one as many payments as are missing, drawn and in their order. */
function takePayments(owner: Owner, quota: number, random: () => number, wallet: (w: string) => string) {
  const payments: MarketPayment[] = []
  for (let day = 0; payments.length < quota; day++) {
    let missing = quota - payments.length
    let left = owner.rows.length
    for (const row of owner.rows) {
      // Selection sampling (Knuth, TAOCP 3.4.2, algorithm S): keeps the order and takes exactly the number missing.
      const take = random() * left-- < missing
      if (!take || missing === 0) continue
      missing--
      const { atSeconds, type, sender, receiver } = row
      const amountMinor = day === 0 ? row.amountMinor : varied(row.amountMinor, random)
      payments.push({ day, atSeconds, type, amountMinor, sender: wallet(sender), receiver: wallet(receiver) })
    }
  }
  return payments
}

/** Half of it or more, still a sum that coins can pay: what is large is rare, and does not come back as large. */
function varied(amountMinor: number, random: () => number): number {
  return Math.max(100, Math.round((amountMinor * (0.5 + 0.5 * random())) / 25) * 25)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
