import type { PaymentType } from '../../src/protocol/payment.ts'
import { type Book, type Fee, openAccount } from './book.ts'

/** What a payment costs: versions of a tariff are never changed, a later one counts from its day on. */
export interface FeeRule {
  readonly country: string
  readonly type: PaymentType
  readonly currency: string
  /** For payments that the edge admitted from then on. */
  readonly effectiveFromMs: number
  readonly flatMinor: number
  readonly basisPoints: number
  readonly bearer: Fee['bearer']
}

const feeAccount = (country: string, currency: string): string => `system:fees:${country}:${currency}`

/** The next version of a tariff, and the account that its fees go to. */
export function setFee(book: Book, rules: FeeRule[], rule: FeeRule): void {
  openAccount(book, feeAccount(rule.country, rule.currency), rule.currency, 'system')
  rules.push(rule)
}

interface Priced {
  readonly country: string
  readonly type: PaymentType
  readonly currency: string
  readonly amountMinor: number
  readonly receivedAtMs: number
}

/** @param rules in the order of their versions @returns undefined when there is nothing to pay */
export function feeOf(rules: readonly FeeRule[], payment: Priced): Fee | undefined {
  const { country, type, currency, amountMinor, receivedAtMs } = payment
  const rule = rules.findLast(
    (one) =>
      one.country === country && one.type === type && one.currency === currency && one.effectiveFromMs <= receivedAtMs,
  )
  if (rule === undefined) return undefined
  // Half a minor unit is rounded up; the product may be beyond 2^53.
  const share = (BigInt(amountMinor) * BigInt(rule.basisPoints) + 5000n) / 10_000n
  const whole = rule.flatMinor + Number(share)
  // A payee never pays more than it is given.
  const minor = rule.bearer === 'payee' ? Math.min(whole, amountMinor) : whole
  return minor === 0 ? undefined : { minor, bearer: rule.bearer, account: feeAccount(country, currency) }
}
