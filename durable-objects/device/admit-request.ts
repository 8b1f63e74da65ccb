import type { BundleHeader } from '../../src/protocol/bundle.ts'
import type { BundlePayload } from '../../src/protocol/payload.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { RemoteRisk } from '../../src/risk/score.ts'
import type { Asked, NoticeParts } from './notice.ts'

/** A push that the Worker has verified, opened and validated: steps 8–11 are the object's. */
export interface AdmitRequest extends Asked {
  readonly claims: BundleHeader
  readonly digest: Uint8Array
  readonly bundle: Uint8Array
  readonly payload: BundlePayload
  /** Left out when the object has it. */
  readonly policy: Policy | undefined
  /** Counters of payments whose payer's signature was verified and does not hold. */
  readonly disproven: readonly number[]
  /** Counters of payments whose agent's signature was verified and does not hold. */
  readonly unapproved: readonly number[]
  readonly requestId: string
  /** From where it came (ingest/place.ts); empty when nobody knows. */
  readonly from?: string
  /** What the remote scorer said, or why it did not. */
  readonly remote: RemoteRisk
  /** Device that says it carries a relay bundle; recorded, never trusted. */
  readonly carrier: string | undefined
}

/** `replayed`: the very bundle was admitted before, and this is its receipt. */
export interface AdmitAnswer {
  readonly kind: 'admitted' | 'replayed'
  readonly receipt: Uint8Array
  readonly notice: NoticeParts
}

/** `invalid_signature` also for a device that was never registered: nobody learns which devices exist. */
export type AdmitRefusal =
  | 'invalid_signature'
  | 'device_suspended'
  | 'device_revoked'
  | 'bundle_conflict'
  | 'nonce_replayed'
  | 'chain_fork'
  | 'counters_missing'
  | 'too_far_ahead'
  /** A device that has consented to it cannot be asked now whether it still pays. */
  | 'temporarily_unavailable'
  /** It has made the edge keep so much today that there is room for it tomorrow (room.ts). */
  | 'rate_limited'
