import type { Activity } from '../../src/protocol/activity.ts'
import type { BundleHeader } from '../../src/protocol/bundle.ts'
import type { Alg } from '../../src/protocol/cose.ts'
import type { CounterSet } from '../../src/protocol/counters.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import type { DeviceKey, DeviceStatus, ReviewChoice } from '../../src/protocol/messages.ts'
import type { DeviceFacts, Outcome } from '../../src/protocol/notice.ts'
import type { BundlePayload } from '../../src/protocol/payload.ts'
import type { Country, Policy } from '../../src/protocol/policy.ts'
import type { BundleStatus, PaymentStatus } from '../../src/protocol/states.ts'
import type { DeviceHistory } from '../../src/risk/history.ts'
import type { RiskBasis } from '../../src/risk/judge.ts'
import type { Reputation } from '../../src/risk/reputation.ts'
import type { RemoteRisk } from '../../src/risk/score.ts'

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

/** A key that the device had before the one it has (keys.ts). */
export interface OlderKey extends DeviceKey {
  /** `retiring`: bundles that it signed may still come. `retired`, `revoked`: nothing that it signs is taken any more. */
  readonly state: 'retiring' | 'retired' | 'revoked'
  /** Version of the facts with which it became the device's key. */
  readonly rev: number
  /** The last bundle that it may have signed; null while the device has not used a newer key. */
  readonly lastSeq: number | null
}

/** The device's row. */
export interface Device extends DeviceRegistration {
  readonly status: DeviceStatus
  /** Version of the facts with which its key became its key. */
  readonly keyRev: number
  /** Oldest first. */
  readonly olderKeys: readonly OlderKey[]
  /** Id of the enrolment code that was used last; empty when none was. */
  readonly lastCode: string
  readonly registeredAtMs: number
  /** Version of the facts that others keep copies of, and when they changed last. */
  readonly rev: number
  readonly factsAtMs: number
  readonly recordedRev: number
  readonly indexedRev: number
  /** Version of what admissions are decided on: a decision made on an older one is made again. */
  readonly rowVersion: number
  /** Highest seq admitted. */
  readonly head: number
  /** Bundles admitted: fewer than the head while some are missing. */
  readonly bundleCount: number
  readonly counters: CounterSet
  readonly activity: Activity
  /** What its payments looked like, and what came of them: for the risk rules. */
  readonly history: DeviceHistory
  readonly reputation: Reputation
  /** Nothing is owed about any bundle up to this seq. */
  readonly doneThrough: number
  /** The read model shows every audit record up to this id. */
  readonly auditDoneThrough: number
}

/** What names a device to others, and how far they have what it owes them: read without all the rest. */
export type Owing = Pick<
  Device,
  | 'deviceId'
  | 'country'
  | 'tenant'
  | 'rev'
  | 'factsAtMs'
  | 'recordedRev'
  | 'indexedRev'
  | 'doneThrough'
  | 'auditDoneThrough'
>

/** `[counter, status, reason?]`; voided counters are left out. */
export type PaymentState = readonly [counter: number, status: PaymentStatus, reason?: string]

/** What is counted of a vote about a payment. When it was cast and why is in its audit record, once a ballot. */
export type StoredVote = readonly [kind: Resolution['kind'], counter: number, choice: ReviewChoice, actor: string]

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
  /**
   * Payments in later bundles may not be dated before it: the latest date so far. The time of the push itself says nothing:
   * a bundle that was sealed while there was no network keeps its bytes, and what was taken while it waited follows in
   * the next one of the same sync, as the rest of a backlog does.
   */
  readonly timeFloorMs: number
  readonly currency: string
  readonly firstCounter: number
  readonly lastCounter: number
  readonly admittedCount: number
  readonly admittedAmount: number
  readonly policyVersion: number
  readonly riskScore: number
  readonly riskReasons: RiskBasis
  readonly payments: readonly PaymentState[]
  readonly status: BundleStatus
  /** The reconciler holds it durably. */
  readonly recorded: boolean
  /** Version of the outcomes that were applied. */
  readonly settledRev: number
  readonly rev: number
  readonly indexedRev: number
  readonly updatedAtMs: number
  readonly votes: readonly StoredVote[]
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
  /** From where it came (ingest/place.ts); empty when nobody knows. */
  readonly from?: string
  /** What the remote scorer said, or why it did not. */
  readonly remote: RemoteRisk
  /** Device that says it carries a relay bundle; recorded, never trusted. */
  readonly carrier: string | undefined
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
  | 'counters_missing'

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
  /** Older keys that may still have signed what comes. */
  readonly retiring: readonly DeviceKey[]
}

/** Who did something, as far as it was verified. */
export interface Actor {
  /** `device`, `reconciler`, `system`, or `user:<subject>`. */
  readonly actor: string
  readonly requestId?: string
  /** From where, as far as the network knows: place and the front of the address. */
  readonly from?: string
}

/** A person who changes something. */
export interface Person extends Actor {
  /** May touch this tenant's devices only; undefined: all. */
  readonly tenant?: string
  readonly once?: Once
}

/** The `Idempotency-Key` of a write: the same one with the same fingerprint gets the same answer, and changes nothing. */
export interface Once {
  readonly key: string
  /** SHA-256 over method, path and body, hex. */
  readonly fingerprint: string
}

/** Why a person's change was not made. */
export type ChangeRefusal = 'not_found' | 'idempotency_conflict' | 'state_conflict' | 'already_voted' | 'weak_key'

/** What a person wants done about payments of one bundle that wait. */
export interface Ballot {
  readonly bundleId: Uint8Array
  readonly choice: ReviewChoice
  /** Counters, or all that wait in the bundle as it is at this rev. */
  readonly payments: readonly number[] | { readonly allAtRev: number }
  readonly reason: string
  /** Minor units; above it two people must agree. */
  readonly twoPeopleAbove: number
}

/** What became of a vote about one payment. */
export interface VoteResult {
  readonly counter: number
  readonly choice: ReviewChoice
  /** Who has voted so, this person included. */
  readonly agreed: readonly string[]
  readonly needed: number
  readonly decided: boolean
}

/** What people concluded, as the reconciler is told it. */
export interface Resolution {
  readonly rev: number
  readonly kind: 'review' | 'reversal'
  readonly bundleId: Uint8Array
  readonly seq: number
  readonly choices: readonly { readonly counter: number; readonly choice: ReviewChoice }[]
  readonly reason: string
  readonly atMs: number
  readonly actors: readonly string[]
}

/** Two stories of one device, side by side. */
export interface Evidence {
  readonly kind: string
  readonly seq: number
  readonly atMs: number
  /** Of the admitted bundle that it contradicts; null when it contradicts the beginning of the chain. */
  readonly againstSeq: number | null
  /** The signed bundle that contradicts. */
  readonly bundle: Uint8Array
  /** The signed bundle that it contradicts, when there is one. */
  readonly admitted: Uint8Array | null
}

/** What an object still owes: for operators and for the sweep. */
export interface OwedSummary {
  readonly settle: number
  readonly index: number
  /** Escalations that SIRA has not taken. */
  readonly escalations: number
  /** When the oldest of what is owed to the reconciler and the read model became so; null when nothing is. */
  readonly oldestMs: number | null
}

/** A device as operators see it. */
export interface DeviceDescription
  extends Pick<Device, 'status' | 'country' | 'tenant' | 'head' | 'registeredAtMs' | 'alg' | 'kid'> {
  /** Counters that were not seen. */
  readonly missing: readonly number[]
  /** Seqs below the head that were not seen, the first of them. */
  readonly missingSeqs: readonly number[]
  readonly owed: OwedSummary
  readonly olderKeys: readonly Pick<OlderKey, 'kid' | 'alg' | 'state' | 'lastSeq'>[]
  readonly activity: readonly {
    readonly date: string
    readonly currency: string
    readonly count: number
    /** Minor units. */
    readonly value: number
  }[]
  /** When the last bundle was admitted, and the score it got. */
  readonly lastPush: { readonly atMs: number; readonly riskScore: number } | null
  readonly contradictions: number
  /** 0 is the worst, 1 the best; 0.5 for a device nobody knows. */
  readonly reputation: number
}
