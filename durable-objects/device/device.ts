import type { Activity } from '../../src/protocol/activity.ts'
import type { UsedRequests } from '../../src/protocol/approval-uses.ts'
import type { KeptConsent } from '../../src/protocol/consent.ts'
import type { Alg } from '../../src/protocol/cose.ts'
import type { CounterSet } from '../../src/protocol/counters.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import type { DeviceKey, DeviceStatus } from '../../src/protocol/messages.ts'
import type { WalletFault } from '../../src/protocol/owner-wallet.ts'
import type { Country, Policy } from '../../src/protocol/policy.ts'
import type { Unsynced } from '../../src/protocol/unsynced.ts'
import { type DeviceHistory, emptyHistory } from '../../src/risk/history.ts'
import { newReputation, type Reputation } from '../../src/risk/reputation.ts'
import type { CodeRequest } from './code.ts'
import type { ConsentRequest, HeldConsent } from './consent.ts'
import { NOTHING_STORED, type Stored } from './room.ts'

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
  /** People who registered the device, made a code that it enrolled with, or changed its key: they have no vote about its payments. */
  readonly registrars: readonly string[]
  /** That it may debit its owner's wallet, oldest first; with those that ended, because what they covered may be on its way to the book. */
  readonly consents: readonly HeldConsent[]
  /** What one person asked for and nobody has confirmed yet. */
  readonly consentRequest: ConsentRequest | null
  /** When people withdrew consent last, also where there was none; 0: never. No word counts that was made before. */
  readonly withdrawnAtMs: number
  /** The newest request for a code to the wallet's holder. */
  readonly codeRequest: CodeRequest | null
  readonly registeredAtMs: number
  /** What is wrong with the owner's wallet, as far as the reconciler has said. */
  readonly ownerWalletFault: WalletFault | null
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
  /** What of its payments the edge had not seen, as its bundles arrived. */
  readonly unsynced: Unsynced
  /** Its requests for an agent's approval that admitted payments have used up, of late. */
  readonly usedRequests: UsedRequests
  /** What it made the edge keep of late. */
  readonly stored: Stored
  /** What its payments looked like, and what came of them: for the risk rules. */
  readonly history: DeviceHistory
  readonly reputation: Reputation
  /** The last outcomes that the reputation was moved by. */
  readonly reputationCursor: number
  /** Nothing is owed about any bundle up to this seq. */
  readonly doneThrough: number
  /** The read model shows every audit record up to this id. */
  readonly auditDoneThrough: number
}

/** A device that was registered just now, before its first bundle. */
export function newDevice(facts: DeviceRegistration, nowMs: number): Device {
  return {
    ...facts,
    status: 'active',
    keyRev: 1,
    olderKeys: [],
    lastCode: '',
    registrars: [],
    consents: [],
    consentRequest: null,
    withdrawnAtMs: 0,
    codeRequest: null,
    registeredAtMs: nowMs,
    ownerWalletFault: null,
    rev: 1,
    factsAtMs: nowMs,
    recordedRev: 0,
    indexedRev: 0,
    rowVersion: 1,
    head: 0,
    bundleCount: 0,
    counters: [],
    activity: new Map(),
    unsynced: [],
    usedRequests: [],
    stored: NOTHING_STORED,
    history: emptyHistory,
    reputation: newReputation(nowMs),
    reputationCursor: 0,
    doneThrough: 0,
    auditDoneThrough: 0,
  }
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

/** Whose wallet the device acts for, and what it may do with it. */
export interface Owner {
  readonly ownerWallet: string
  readonly consents: readonly KeptConsent[]
}

/** What the Worker needs to judge a request before it calls `admit`. */
export interface Identity {
  readonly publicKey: Uint8Array
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly status: DeviceStatus
  readonly country: Country
  readonly tenant: string
  readonly ownerWallet: string
  readonly consents: readonly KeptConsent[]
  /** The policy that the device was last judged by. */
  readonly policy: Policy
  /** Older keys that may still have signed what comes. */
  readonly retiring: readonly DeviceKey[]
  /** Ids of keys that somebody else may have. */
  readonly revoked: readonly Uint8Array[]
}
