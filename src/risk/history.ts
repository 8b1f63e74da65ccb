import { PAYMENT_TYPES, type Payment, type PaymentType } from '../protocol/payment.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Verdict } from '../protocol/rules.ts'
import { DAY_MS, MINUTE_MS } from '../protocol/time.ts'
import { HISTORY_CURRENCIES_MAX, HISTORY_MEMORY, PAYEES_MAX, RECENT_AGE_MAX_MS, RECENT_PAYMENTS_MAX } from './limits.ts'
import { justUnder, proofLimits } from './proof-limits.ts'

/**
 * What a device did before, as small as the local rules can do with; the Device Object keeps it as JSON in its own row,
 * below 3 KB. It names nobody: of a wallet it holds a 16-bit tag, which hundreds of wallets share.
 */
export interface DeviceHistory {
  readonly amounts: readonly AmountHistory[]
  /** The last payments in order of time: those of a device that syncs one by one must be seen together. */
  readonly recent: readonly RecentPayment[]
  /** Whom the owner's wallet paid on the device's word, the last one paid last. */
  readonly payees: readonly Payee[]
}

/** How many amounts in a currency the device is known by. */
interface AmountHistory {
  readonly currency: string
  readonly count: number
  /** `[limit, how many of them were just under it]`, for the limits of the policy in force. */
  readonly near: readonly (readonly [limit: number, count: number])[]
}

/** Written as a tuple, because there are many in a row of the database. */
type RecentPayment = readonly [atS: number, amount: number, sender: number, receiver: number, type: number]

/** `since` is the day of the first payment, in days since 1970; `most` the largest. */
type Payee = readonly [tag: number, sinceDay: number, most: number]

/** What a history is kept by. */
export interface HistoryContext {
  readonly policy: Policy
  readonly ownerWallet: string
  readonly nowMs: number
}

/** A payment as the rules see it, be it in the bundle or in the history. */
export interface SeenPayment {
  /** Only for payments of the bundle. */
  readonly counter?: number
  readonly atMs: number
  readonly amount: number
  readonly sender: number
  readonly receiver: number
  readonly type: PaymentType
}

export const emptyHistory: DeviceHistory = { amounts: [], recent: [], payees: [] }

/**
 * Adds the payments of an admitted bundle. Refused ones never happened; only accepted ones say which amounts are
 * normal, so that what waits for a person cannot make itself look usual.
 *
 * @param verdicts of the payments, in their order
 */
export function updateHistory(
  history: DeviceHistory,
  payments: readonly Payment[],
  verdicts: readonly Verdict[],
  { policy, ownerWallet, nowMs }: HistoryContext,
): DeviceHistory {
  const seen: RecentPayment[] = []
  const usual: Payment[] = []
  const paidOut: Payment[] = []
  payments.forEach((payment, index) => {
    const decision = verdicts[index]?.decision
    if (decision === undefined || decision === 'refused') return
    if (decision === 'accepted') usual.push(payment)
    const { sender, receiver, type } = seenPayment(payment)
    const atS = Math.floor(payment.initiatedAtMs / 1000)
    seen.push([atS, payment.amount, sender, receiver, PAYMENT_TYPES.indexOf(type)])
    if (isPayout(payment, ownerWallet)) paidOut.push(payment)
  })
  let { amounts } = history
  for (const [currency, own] of Map.groupBy(usual, (payment) => payment.currency)) {
    amounts = withAmounts(amounts, currency, own, proofLimits(policy))
  }
  const skewMs = policy.maxClockSkewMinutes * MINUTE_MS
  const recent = [...history.recent, ...seen]
    // Payments dated ahead would otherwise stay "the last", and leave no room for those that are.
    .filter(([atS]) => atS * 1000 <= nowMs + skewMs && nowMs - atS * 1000 <= RECENT_AGE_MAX_MS)
    .sort(([a], [b]) => a - b)
    .slice(-RECENT_PAYMENTS_MAX)
  return { amounts, recent, payees: withPayees(history.payees, paidOut) }
}

/**
 * What waits for a person counts too: by the time that a payee is known by, people have said no, or it was one of the owner's.
 */
export function withPayees(payees: readonly Payee[], paidOut: readonly Payment[]): readonly Payee[] {
  let all = payees
  for (const { receiver, amount, initiatedAtMs } of paidOut) {
    const tag = partyTag(receiver)
    const day = Math.floor(initiatedAtMs / DAY_MS)
    const [, sinceDay = day, most = 0] = all.find(([known]) => known === tag) ?? []
    const others = all.filter(([known]) => known !== tag)
    all = [...others, [tag, Math.min(sinceDay, day), Math.max(most, amount)] as const].slice(-PAYEES_MAX)
  }
  return all
}

/** What leaves the owner's wallet on its device's word; an agent's cash-ins are a trade and not a choice of payees. */
export const isPayout = ({ sender, type }: Pick<Payment, 'sender' | 'type'>, ownerWallet: string): boolean =>
  sender === ownerWallet && type !== 'cashin'

function withAmounts(
  amounts: readonly AmountHistory[],
  currency: string,
  payments: readonly Payment[],
  limits: readonly number[],
): readonly AmountHistory[] {
  const before = amounts.find((one) => one.currency === currency)
  let count = before?.count ?? 0
  const known = new Map(before?.near)
  const near = limits.map((limit): [number, number] => [limit, known.get(limit) ?? 0])
  for (const { amount } of payments) {
    if (count >= HISTORY_MEMORY) {
      // Full memory: the new amount takes the place of an average old one, and habits may change.
      const kept = (HISTORY_MEMORY - 1) / count
      count = HISTORY_MEMORY - 1
      for (const one of near) one[1] *= kept
    }
    count++
    for (const one of near) if (justUnder(amount, one[0])) one[1]++
  }
  // The latest currency first; the one not seen for longest falls off.
  const others = amounts.filter((one) => one.currency !== currency)
  return [{ currency, count, near }, ...others].slice(0, HISTORY_CURRENCIES_MAX)
}

export function seenPayment(payment: Payment): SeenPayment {
  const { counter, initiatedAtMs: atMs, amount, sender, receiver, type } = payment
  return { counter, atMs, amount, sender: partyTag(sender), receiver: partyTag(receiver), type }
}

export function recentPayments(history: DeviceHistory): readonly SeenPayment[] {
  return history.recent.map(([atS, amount, sender, receiver, type]) => {
    return { atMs: atS * 1000, amount, sender, receiver, type: PAYMENT_TYPES[type] ?? 'p2p' }
  })
}

/** 16 bits of FNV-1a: tells a device's few dozen counterparties apart, and nobody's wallet from anyone else's. */
export function partyTag(party: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < party.length; i++) hash = Math.imul(hash ^ party.charCodeAt(i), 0x01000193)
  return ((hash >>> 16) ^ hash) & 0xffff
}
