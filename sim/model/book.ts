import type { PaymentType } from '../../src/protocol/payment.ts'
import { assertBook } from './broken.ts'

/** The ledger without a database: accounts, transfers once per source, holds. Amounts are minor units. */
export interface Account {
  readonly wallet: string
  readonly currency: string
  readonly kind: AccountKind
  /** Undefined for the system's. */
  readonly tenant: string | undefined
  /** What is available may not go below it; null is no floor, for accounts that money comes from. */
  readonly floorMinor: number | null
  frozen: boolean
  balanceMinor: number
  /** Of the balance, what is kept for payments that wait for a person, and for allowances. */
  heldMinor: number
}

export type AccountKind = 'customer' | 'merchant' | 'agent' | 'system'
/** What is posted on request; a fee follows its payment, and its return the reversal. */
export type PostingKind = 'payment' | 'reversal' | 'funding'
export type TransferKind = PostingKind | 'fee' | 'fee_reversal'

/** Of a payment: its device and its counter. */
export interface Source {
  readonly sourceId: string
  readonly sourceNo: number
}

export interface Transfer extends Source {
  readonly id: string
  readonly kind: TransferKind
  readonly debit: string
  readonly credit: string
  readonly amountMinor: number
  readonly currency: string
}

export interface Hold {
  readonly wallet: string
  readonly amountMinor: number
  endedBy: 'posted' | 'released' | null
}

/** What is held for a payer's phone. */
export interface HeldAllowance {
  readonly wallet: string
  heldMinor: number
  consumed: number
}

export interface Fee {
  readonly minor: number
  readonly bearer: 'payer' | 'payee'
  /** The wallet that it goes to. */
  readonly account: string
}

export interface RequestedTransfer extends Source {
  /** Of a payment: says what kinds of accounts it is between. */
  readonly type?: PaymentType
  readonly debit: string
  readonly credit: string
  readonly amountMinor: number
  readonly currency: string
  readonly fee?: Fee | undefined
  /** Of one that waits for a person or did. Without it: it is posted, and nothing is held for it. */
  readonly step?: 'hold' | 'post' | 'release' | undefined
  /** That its payer signed it under. */
  readonly allowance?: HeldAllowance | undefined
  /** It has what that holds, and nothing else. */
  readonly isHeldOnly?: boolean
}

export interface Posted {
  readonly result: 'posted' | 'exists' | 'conflict' | 'failed' | 'held' | 'released'
  readonly reason?: string
  readonly transferId?: string
  /** What became of its hold. */
  readonly hold?: 'placed' | 'posted' | 'released'
  /** Of one under an allowance: how much that gave, what was not there, and whether its payer's fee was let go. */
  readonly covered?: number
  readonly missing?: number
  readonly isFeeWaived?: boolean
}

export interface Book {
  readonly accounts: Map<string, Account>
  /** By `transferKey`, in the order of posting. */
  readonly transfers: Map<string, Transfer>
  /** By `sourceKey`. */
  readonly holds: Map<string, Hold>
  readonly allowances: HeldAllowance[]
}

export const newBook = (): Book => ({ accounts: new Map(), transfers: new Map(), holds: new Map(), allowances: [] })

export const sourceKey = ({ sourceId, sourceNo }: Source): string => `${sourceId}/${sourceNo}`
export const transferKey = (kind: TransferKind, source: Source): string => `${kind}/${sourceKey(source)}`

/** Twice is the same as once. @throws BookBroken with other facts */
export function openAccount(
  book: Book,
  wallet: string,
  currency: string,
  kind: AccountKind = 'customer',
  tenant = 'molam',
): Account {
  const known = book.accounts.get(wallet)
  if (known !== undefined) {
    assertBook(known.currency === currency && known.kind === kind, 'an account keeps its currency and kind')
    return known
  }
  const floorMinor = kind === 'system' ? null : 0
  const whose = { wallet, currency, kind, tenant: kind === 'system' ? undefined : tenant }
  const account = { ...whose, floorMinor, frozen: false, balanceMinor: 0, heldMinor: 0 }
  book.accounts.set(wallet, account)
  return account
}

/** Above the floor and what is held. Infinite without a floor. */
export const availableMinor = ({ balanceMinor, heldMinor, floorMinor }: Account): number =>
  floorMinor === null ? Number.POSITIVE_INFINITY : balanceMinor - heldMinor - floorMinor

/** @throws BookBroken unless all balances of a currency sum to zero, and each account keeps its floor and its holds */
export function assertBalanced({ accounts, holds, allowances }: Book): void {
  const held = new Map<string, number>()
  for (const { wallet, amountMinor, endedBy } of holds.values()) {
    if (endedBy === null) held.set(wallet, (held.get(wallet) ?? 0) + amountMinor)
  }
  for (const { wallet, heldMinor } of allowances) held.set(wallet, (held.get(wallet) ?? 0) + heldMinor)
  const sums = new Map<string, number>()
  for (const account of accounts.values()) {
    sums.set(account.currency, (sums.get(account.currency) ?? 0) + account.balanceMinor)
    assertBook(availableMinor(account) >= 0, `${account.wallet} is not below its floor`)
    assertBook(account.heldMinor === (held.get(account.wallet) ?? 0), `${account.wallet} holds what its holds say`)
  }
  for (const [currency, sum] of sums) assertBook(sum === 0, `${currency} sums to zero`)
}
