import type { Activity } from '../src/protocol/activity.ts'
import type { BundleHeader } from '../src/protocol/bundle.ts'
import type { Alg } from '../src/protocol/cose.ts'
import type { CounterSet } from '../src/protocol/counters.ts'
import type { DeviceId } from '../src/protocol/ids.ts'
import type { DeviceStatus } from '../src/protocol/messages.ts'
import type { DeviceFacts, Outcome } from '../src/protocol/notice.ts'
import type { BundlePayload } from '../src/protocol/payload.ts'
import type { Country, Policy } from '../src/protocol/policy.ts'
import type { BundleStatus, PaymentStatus } from '../src/protocol/states.ts'

/** What a device is registered with. */
export interface DeviceRegistration {
  readonly deviceId: DeviceId
  readonly publicKey: Uint8Array
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly country: Country
  readonly tenant: string
  readonly ownerWallet: string
  /** The policy that is in force; kept for when D1 cannot be asked. */
  readonly policy: Policy
}

/** The device's row. */
export interface Device extends DeviceRegistration {
  readonly status: DeviceStatus
  readonly registeredAtMs: number
  /** Version of the facts that others keep copies of. */
  readonly rev: number
  readonly recordedRev: number
  readonly indexedRev: number
  /** Version of this row: a decision made on an older one is made again. */
  readonly revision: number
  /** Highest seq admitted. */
  readonly head: number
  readonly counters: CounterSet
  readonly activity: Activity
  /** Nothing is owed about any bundle up to this seq. */
  readonly doneThrough: number
  /** The read model shows every audit record up to this id. */
  readonly auditDoneThrough: number
}

/** `[counter, status, reason?]`; voided counters are left out. */
export type PaymentState = readonly [counter: number, status: PaymentStatus, reason?: string]

/** A bundle's row. */
export interface StoredBundle {
  readonly seq: number
  readonly bundleId: Uint8Array
  readonly nonce: Uint8Array
  readonly digest: Uint8Array
  readonly prev: Uint8Array
  readonly bundle: Uint8Array
  readonly receipt: Uint8Array
  readonly receivedAtMs: number
  /** Payments in later bundles may not be dated before it: see admission.ts. */
  readonly timeFloorMs: number
  readonly currency: string
  readonly firstCounter: number
  readonly lastCounter: number
  readonly admittedCount: number
  readonly admittedAmount: number
  readonly policyVersion: number
  readonly riskScore: number
  readonly riskReasons: readonly string[]
  readonly payments: readonly PaymentState[]
  readonly status: BundleStatus
  /** The reconciler holds it durably. */
  readonly recorded: boolean
  /** Version of the outcomes that were applied. */
  readonly settledRev: number
  readonly rev: number
  readonly indexedRev: number
  readonly updatedAtMs: number
}

/** A push that the Worker has verified, opened and validated: steps 8–11 are the object's. */
export interface AdmitRequest {
  readonly claims: BundleHeader
  readonly digest: Uint8Array
  readonly bundle: Uint8Array
  readonly payload: BundlePayload
  readonly policy: Policy
  readonly cursor: number | undefined
  readonly requestId: string
}

/** What a notice is made of. */
export interface NoticeParts {
  readonly outcomes: readonly Outcome[]
  readonly cursor: number
  readonly missing: readonly number[]
  readonly device: DeviceFacts | undefined
}

export type AdmitResult =
  | { readonly kind: 'admitted' | 'replayed'; readonly receipt: Uint8Array; readonly notice: NoticeParts }
  | { readonly kind: 'refused'; readonly code: AdmitRefusal }

export type AdmitRefusal =
  | 'invalid_signature'
  | 'device_suspended'
  | 'device_revoked'
  | 'bundle_conflict'
  | 'nonce_replayed'
  | 'chain_fork'

/** What the Worker needs to judge a request before it calls `admit`. */
export interface Identity {
  readonly publicKey: Uint8Array
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly status: DeviceStatus
  readonly country: Country
  readonly tenant: string
  /** The policy that the device was last judged by. */
  readonly policy: Policy
}

/** Who did something, as far as it was verified. */
export interface Actor {
  /** `device`, `reconciler`, `system`, or `user:<subject>`. */
  readonly actor: string
  readonly requestId?: string
}

/** What an object still owes: for operators and for the sweep. */
export interface OwedSummary {
  readonly settle: number
  readonly index: number
  /** When the oldest of it became owed; null when nothing is. */
  readonly oldestMs: number | null
}

/** A device as operators see it. */
export interface DeviceDescription extends Pick<Device, 'status' | 'country' | 'tenant' | 'head' | 'registeredAtMs'> {
  readonly missing: readonly number[]
  readonly owed: OwedSummary
}
