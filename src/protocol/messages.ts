import type { StatedCode } from './consent-code.ts'
import type { Alg } from './cose.ts'
import type { DeviceId } from './ids.ts'
import type { Country } from './policy.ts'

/**
 * What the Device Object tells the reconciler through the settle queue. Deterministic CBOR as a Queue message of
 * content type `bytes`. Delivered at least once and in any order; each message can be told apart by its content. All but
 * bundles travel as the payload of a COSE_Sign1 of the edge (crypto/settle-message.ts).
 */
export type SettleMessage = BundleMessage | DeviceMessage | ResolutionMessage | HolderMessage
/** What a wallet's holder said with a device of the wallet. Owed until `answer_recorded` confirms its `rev`. */
export type HolderMessage = ClaimAnswerMessage | MandateMessage | AllowanceOrderMessage
/** What people decided. The device's object owes it until `resolution_recorded` confirms its `rev`. */
export type ResolutionMessage = ReviewMessage | ReversalMessage

/** An admitted bundle. The reconciler believes neither the order nor the edge: it verifies both signatures again. */
export interface BundleMessage {
  readonly kind: 'bundle'
  readonly deviceId: DeviceId
  /** The signed bundle, the very bytes that were admitted. */
  readonly bundle: Uint8Array
  /** The signed receipt, the very bytes that the device gets. */
  readonly receipt: Uint8Array
}

/** The facts of a device; a higher `rev` replaces a lower one. */
export interface DeviceMessage {
  readonly kind: 'device'
  readonly deviceId: DeviceId
  readonly rev: number
  readonly alg: Alg
  readonly kid: Uint8Array
  /** SEC1 uncompressed for ES256. */
  readonly publicKey: Uint8Array
  readonly status: DeviceStatus
  readonly country: Country
  readonly tenant: string
  /** The wallet whose owner holds the device. */
  readonly ownerWallet: string
  readonly atMs: number
  /** Keys it had before, and what became of each: bundles and authorizations signed with them may still be on their way. */
  readonly olderKeys?: readonly OlderDeviceKey[]
  /** That the device may debit its owner's wallet, and that it may no more: bundles of then may still be on their way. */
  readonly consents?: readonly StatedConsent[]
  /** A code that the key above asks the wallet's holder for, while it is open. */
  readonly code?: StatedCode
}

/** A consent as the edge signed it (crypto/consent.ts), each time the same bytes. */
export interface StatedConsent {
  readonly signed: Uint8Array
  readonly withdrawnAtMs?: number
}

export interface DeviceKey {
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly publicKey: Uint8Array
}

/** `replaced`: by a newer one, as a matter of course. `revoked`: somebody else may have it. */
export const OLDER_KEY_FATES = ['replaced', 'revoked'] as const
export interface OlderDeviceKey extends DeviceKey {
  readonly fate: (typeof OLDER_KEY_FATES)[number]
}

/**
 * Payments of one bundle wait in `review` or `quarantined` no more: people decided, or the waiting ended without a vote. May
 * arrive before the bundle.
 */
export interface ReviewMessage {
  readonly kind: 'review'
  readonly deviceId: DeviceId
  readonly bundleId: Uint8Array
  readonly seq: number
  /** Number of the resolution: 1, 2, 3 … per device, reviews and reversals together. */
  readonly rev: number
  /** Each payment once. */
  readonly choices: readonly ReviewedPayment[]
  readonly decidedAtMs: number
  /** Who agreed, as the edge's audit log names them; two where two were needed. Nobody votes to `expire`: it is `system`. */
  readonly actors: readonly string[]
}

interface ReviewedPayment {
  readonly counter: number
  readonly choice: ReviewEnd
}

/** What a person can vote. */
export const REVIEW_CHOICES = ['approve', 'reject'] as const
export type ReviewChoice = (typeof REVIEW_CHOICES)[number]

/** How waiting ends. `expire`: nobody decided in time. `revoke`: the device was revoked, and with it what waited. */
export const REVIEW_ENDS = [...REVIEW_CHOICES, 'expire', 'revoke'] as const
export type ReviewEnd = (typeof REVIEW_ENDS)[number]

/** Why a payment is undone; the numbers on the wire are the places. */
export const REVERSAL_REASONS = ['wrong_account', 'duplicate', 'fraud', 'service_not_rendered', 'wrong_amount'] as const
export type ReversalReason = (typeof REVERSAL_REASONS)[number]

/** People decided that a payment which succeeded is to be undone by a compensating transfer, once. */
export interface ReversalMessage {
  readonly kind: 'reversal'
  readonly deviceId: DeviceId
  readonly bundleId: Uint8Array
  readonly seq: number
  readonly rev: number
  readonly counter: number
  readonly reason: ReversalReason
  readonly decidedAtMs: number
  readonly actors: readonly string[]
}

/**
 * The holder of a wallet answered a claim on it, with a device of that wallet. The device's object owes it until
 * `answer_recorded` confirms its `rev`. May arrive before the bundle that the claim is in.
 */
export interface ClaimAnswerMessage {
  readonly kind: 'claim_answer'
  /** The holder's device, which signed the answer. */
  readonly deviceId: DeviceId
  /** Its number among the device's answers, mandates and orders together: 1, 2, 3 … */
  readonly rev: number
  /** The signed answer, the very bytes that the device sent. */
  readonly answer: Uint8Array
  /** The revision of the device's facts by which the edge took it for the holder's word. */
  readonly factsRev: number
}

/**
 * The holder of a wallet gave a mandate, or ended it with a mandate of 0, with a device of that wallet. Owed and confirmed as an
 * answer to a claim.
 */
export interface MandateMessage {
  readonly kind: 'mandate'
  /** The holder's device, which signed it. */
  readonly deviceId: DeviceId
  /** Its number among the device's answers, mandates and orders together. */
  readonly rev: number
  /** When the edge had it. */
  readonly atMs: number
  /** The signed mandate, the very bytes that the device sent. */
  readonly mandate: Uint8Array
  /** The revision of the device's facts by which the edge took it for the holder's word. */
  readonly factsRev: number
}

/** The holder of a wallet wants an allowance opened, or closed, with the device that it is for. */
export interface AllowanceOrderMessage {
  readonly kind: 'allowance_order'
  /** The paying device, which signed it. */
  readonly deviceId: DeviceId
  /** Its number among the device's answers, mandates and orders together. */
  readonly rev: number
  /** When the edge had it. */
  readonly atMs: number
  /** The signed order, the very bytes that the device sent. */
  readonly order: Uint8Array
  /** The revision of the device's facts by which the edge took it for the holder's word. */
  readonly factsRev: number
}

export const DEVICE_STATUSES = ['active', 'suspended', 'revoked'] as const
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]
