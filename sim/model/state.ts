import type { KeyState } from '../../reconciler/registry/registry.ts'
import type { DayActivity } from '../../src/protocol/activity.ts'
import type { AllowanceOrder } from '../../src/protocol/allowances.ts'
import type { ClaimChoice } from '../../src/protocol/claims.ts'
import type { KeptConsent } from '../../src/protocol/consent.ts'
import type { Alg } from '../../src/protocol/cose.ts'
import type { Mandate } from '../../src/protocol/mandates.ts'
import type { DeviceStatus } from '../../src/protocol/messages.ts'
import type { WalletState } from '../../src/protocol/owner-wallet.ts'
import type { Payment, PaymentName } from '../../src/protocol/payment.ts'
import type { Country, Policy } from '../../src/protocol/policy.ts'
import type { BundleStatus, PaymentStatus } from '../../src/protocol/states.ts'
import { Telephones } from '../people/telephones.ts'
import { type Book, type Fee, type HeldAllowance, newBook } from './book.ts'
import type { FeeRule } from './fees.ts'
import { FIRST_POLICIES } from './first-policies.ts'
import type { InboxState } from './inbox.ts'
import type { OutboxState } from './outbox-rows.ts'

/** Everything that is durable: what the tables of the book hold in production. Outlives a kill. */
export interface ModelState {
  readonly book: Book
  readonly fees: FeeRule[]
  readonly policies: Map<string, Policy>
  readonly devices: Map<string, DeviceRow>
  /** By `counterKey`: what came first under a device and a counter is the payment. */
  readonly payments: Map<string, PaymentRow>
  readonly copies: CopyRow[]
  readonly bundles: Map<string, BundleRow>
  /** By payer's device and request, the payment that used the signature up. */
  readonly answered: Map<string, string>
  /** By `counterKey`: the payments that their payers gave a word for, in the order of the words. */
  readonly worded: Map<string, WordedRow>
  /** By taker's device and request, the payment that used the request up. */
  readonly requests: Map<string, string>
  /** By device, what it took on its days. */
  readonly activity: Map<string, Map<string, DayActivity>>
  readonly resolutions: ResolutionRow[]
  /** Holders' answers to claims, in the order in which they were recorded. */
  readonly answers: AnswerRow[]
  /** Holders' mandates, in the order in which they were recorded. */
  readonly mandates: MandateRow[]
  /** By `counterKey`: what was posted, or failed for want of money, by a mandate. */
  readonly mandated: Map<string, MandatedRow>
  /** Holders' orders about allowances, in the order in which they were recorded. */
  readonly allowanceOrders: AllowanceOrderRow[]
  /** By device and number. */
  readonly allowances: Map<string, AllowanceRow>
  /** Payments that were signed under allowances, in the order of their arrival. */
  readonly spending: SpendingRow[]
  /** By device and number, allowances under which a phone signed what cannot all be true. */
  readonly misused: Set<string>
  /** Nothing is posted while it is halted. */
  readonly settlement: { isHalted: boolean }
  /** Requests for codes, in the order in which they were recorded. */
  readonly codes: CodeRow[]
  /** Where codes go. */
  readonly telephones: Telephones
  readonly inbox: InboxState
  readonly outbox: OutboxState
  /** Called after each change: whoever waits looks again. */
  readonly watchers: Set<() => void>
}

export interface DeviceRow {
  readonly rev: number
  readonly tenant: string
  readonly country: Country
  readonly ownerWallet: string
  readonly status: DeviceStatus
  /** Hex. */
  readonly kid: string
  readonly alg: number
  readonly registeredAtMs: number
  /** When the edge said the newest of it. */
  readonly factsAtMs: number
  /** By their signed bytes in hex. */
  readonly consents: Map<string, ConsentRow>
  wallet: WalletState
  /** By key id in hex. */
  readonly keys: Map<string, KeyRow>
}

export interface ConsentRow extends KeptConsent {
  /** The holder gave it by a code. */
  readonly isByHolder: boolean
  readonly wallet: string
  readonly tenant: string
}

/** A request for a code to a wallet's holder, as the book has it. */
export interface CodeRow {
  readonly deviceId: string
  readonly no: number
  /** Hex, of the key that asked. */
  readonly kid: string
  readonly wallet: string
  readonly tenant: string
  readonly askedAtMs: number
  readonly recordedAtMs: number
  /** Why no code went out. */
  readonly refusal: 'unknown_wallet' | 'no_phone' | 'too_many' | undefined
  /** By what names an answer, whether it was the code. */
  readonly answers: Map<string, boolean>
}

export interface KeyRow {
  readonly alg: Alg
  readonly publicKey: Uint8Array
  readonly state: KeyState
  readonly stateAtMs: number
}

export interface PaymentRow {
  readonly deviceId: string
  readonly bundleId: string
  readonly country: string
  readonly payment: Pick<Payment, 'counter' | 'type' | 'amount' | 'currency' | 'sender' | 'receiver' | 'initiatedAtMs'>
  /** Of a refund: the payment that it gives back. */
  readonly refunds: Required<PaymentName> | undefined
  /** SHA-256 of its content, hex. */
  readonly hash: string
  readonly fee: Fee | undefined
  payerProven: boolean
  agentProven: boolean
  /** Until when its payer may confirm it; of a claim. */
  readonly claimUntilMs: number | undefined
  status: PaymentStatus
  reason: string | undefined
  transferId: string | undefined
  statusAtMs: number
}

export interface CopyRow {
  readonly deviceId: string
  readonly counter: number
  readonly bundleId: string
  readonly hash: string
  readonly recordedAtMs: number
}

export interface BundleRow {
  readonly deviceId: string
  readonly bundleId: string
  readonly seq: number
  /** Hex. */
  readonly digest: string
  readonly voids: readonly number[]
  readonly settledAtMs: number
  readonly bundle: Uint8Array
  readonly receipt: Uint8Array
  status: BundleStatus
  rev: number
}

export interface ResolutionRow {
  readonly deviceId: string
  readonly rev: number
  readonly counter: number
  readonly bundleId: string
  readonly choice: 'approve' | 'reject' | 'expire' | 'revoke' | 'reverse'
  /** SHA-256 of its message, hex. */
  readonly hash: string
  readonly decidedAtMs: number
  readonly recordedAtMs: number
  readonly actors: readonly string[]
  /** Of one that a single person made: the day (UTC, since 1970) in which it is counted; null until it is let through. */
  aloneOn: number | null
  result: ResolutionResult | null
  attempts: number
  retryAtMs: number | null
  lastError: string | null
}

export interface AnswerRow {
  readonly payerDeviceId: string
  readonly rev: number
  readonly deviceId: string
  readonly counter: number
  /** Hex. */
  readonly hash: string
  readonly amount: number
  readonly choice: ClaimChoice
  readonly payerWallet: string
  /** The signed answer, hex. */
  readonly signed: string
  readonly recordedAtMs: number
  result: string | null
}

export interface MandateRow {
  readonly payerDeviceId: string
  readonly rev: number
  /** Hex. */
  readonly kid: string
  readonly mandate: Mandate
  readonly givenAtMs: number
  readonly recordedAtMs: number
  /** The signed mandate, hex. */
  readonly signed: string
  /** Whether it was the holder's word when it was recorded. */
  readonly isHis: boolean
}

export interface MandatedRow {
  readonly wallet: string
  readonly day: string
  readonly currency: string
  readonly amount: number
  readonly postedAtMs: number
}

export interface WordedRow {
  /** The request that was signed; undefined of a confirmed claim. */
  readonly requestId: Uint8Array | undefined
  readonly atMs: number
}

export interface AllowanceOrderRow {
  readonly payerDeviceId: string
  readonly rev: number
  /** Hex. */
  readonly kid: string
  readonly order: AllowanceOrder
  /** The signed order, hex. */
  readonly signed: string
  readonly isHis: boolean
  /** Null while it is not carried out. */
  result:
    | 'opened'
    | 'closing'
    | 'not_authorised'
    | 'above_policy'
    | 'unknown_wallet'
    | 'wallet_frozen'
    | 'currency_mismatch'
    | 'already_open'
    | 'stale'
    | 'insufficient_funds'
    | 'not_open'
    | null
}

export interface AllowanceRow extends HeldAllowance {
  readonly deviceId: string
  readonly no: number
  readonly currency: string
  readonly ceiling: number
  readonly untilMs: number
  readonly endsAtMs: number
  returned: number
  state: 'open' | 'closing' | 'closed' | 'expired'
  /** What its phone said that it has signed, as it closed. */
  stated: { readonly n: number; readonly spent: number } | undefined
}

export interface SpendingRow {
  /** The payment. */
  readonly deviceId: string
  readonly counter: number
  readonly payerDeviceId: string
  readonly no: number
  readonly n: number
  readonly spent: number
  readonly amount: number
  readonly covered: number
}

export type ResolutionResult =
  | 'applied'
  | 'superseded'
  | 'not_waiting'
  | 'not_reversible'
  | 'too_late'
  | 'unknown_payment'

export const counterKey = (deviceId: string, counter: number): string => `${deviceId}/${counter}`
export const allowanceKey = (deviceId: string, no: number): string => `${deviceId}/${no}`
export const bundleKey = (deviceId: string, bundleId: string): string => `${deviceId}/${bundleId}`

/** @param policies those that the book has from the beginning */
export function newModelState(
  policies: readonly Policy[] = FIRST_POLICIES,
  telephones: Telephones = new Telephones(),
): ModelState {
  return {
    book: newBook(),
    fees: [],
    policies: new Map(policies.map((policy) => [`${policy.country}/${policy.version}`, policy])),
    devices: new Map(),
    payments: new Map(),
    copies: [],
    bundles: new Map(),
    answered: new Map(),
    worded: new Map(),
    settlement: { isHalted: false },
    requests: new Map(),
    activity: new Map(),
    resolutions: [],
    answers: [],
    mandates: [],
    mandated: new Map(),
    allowanceOrders: [],
    allowances: new Map(),
    spending: [],
    misused: new Set(),
    codes: [],
    telephones,
    inbox: { rows: new Map(), pending: new Map() },
    outbox: { rows: new Map(), untold: new Set() },
    watchers: new Set(),
  }
}

/** One synchronous change of the state, which is so one transaction; then everybody who waits looks again. */
export function change<T>(state: ModelState, work: (state: ModelState) => T): T {
  const result = work(state)
  for (const look of [...state.watchers]) look()
  return result
}
