import type { AllowanceStanding } from '../../../protocol/allowances.ts'
import { fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import { decodeCbor, encodeCbor } from '../../../protocol/cbor.ts'
import { type Claim, claimFromCbor, claimToCbor } from '../../../protocol/claims.ts'
import type { Range } from '../../../protocol/counters.ts'
import { type Debit, debitFromCbor, debitToCbor } from '../../../protocol/debits.ts'
import { decodeKeySet, encodeKeySet, type KeySet } from '../../../protocol/keyset.ts'
import { CLAIMS_PER_NOTICE_MAX, DEBITS_PER_NOTICE_MAX, MANDATED_PER_NOTICE_MAX } from '../../../protocol/limits.ts'
import { type MandatedDebit, mandatedFromCbor, mandatedToCbor } from '../../../protocol/mandated.ts'
import type { DayTotal } from '../../../protocol/notice.ts'
import type { WalletFault } from '../../../protocol/owner-wallet.ts'
import { type Policy, policyFromCbor, policyToCbor } from '../../../protocol/policy.ts'
import type { ProblemCode } from '../../../protocol/problems.ts'
import { list } from '../../../protocol/shape.ts'
import type { SavedClock } from '../ports/clock.ts'
import type { Changes } from './changes.ts'

/**
 * Everything the device knows besides its payments, in one record, so that each step of a sync is one write: it
 * happened or it did not.
 */
export interface DeviceState {
  /** Id of the key that the device was enrolled with. */
  readonly kid: Uint8Array
  readonly ownerWallet: string
  /** The ledger has no such wallet, or it is another tenant's. */
  readonly ownerWalletFault?: WalletFault
  /** What others claim from the owner's wallet, and what the holder has not answered, by the last notice. */
  readonly claims?: readonly Claim[]
  /** What the holder's mandates paid out of it, by the last notice. */
  readonly mandated?: readonly MandatedDebit[]
  /** What became of what others took out of it on its holder's word, by the last notice. */
  readonly debits?: readonly Debit[]
  /** Until when payments out of it need no other word than the device's; left out, the device only receives. */
  readonly paysUntilMs?: number
  /** Keys whose passes must not be believed, in hex, each with when its pass is over; and the last change that is known. */
  readonly denied?: { readonly version: number; readonly kids: Readonly<Record<string, number>> }
  /** The newest payer's pass that the edge gave. */
  readonly pass?: Uint8Array
  /** How the newest allowance of this device is, by the last notice. */
  readonly allowance?: AllowanceStanding
  /** Payments from `firstCounter` up are on the device; those from `cleanFrom` to it are being removed. */
  readonly firstCounter: number
  readonly cleanFrom: number
  /** Every counter below it is used up. May lag behind the journal, never lead it. */
  readonly nextCounter: number
  /** Counters below it were used before this state began: one without a record here was used elsewhere, and is not lost. */
  readonly knownFrom: number
  /** Counters below it may have left the device in a bundle that it no longer knows: they cannot be voided. */
  readonly voidFrom: number
  /** What the edge has counted of a day and this journal has not: the day's limits do not begin anew with a new storage. */
  readonly elsewhere?: DayTotal
  /** Counters that the edge calls missing although it has acknowledged them: they are sent again. */
  readonly lostByEdge?: readonly number[]
  /** Counters under which payments of an export are being written: what is torn there was never anything else. */
  readonly returning?: readonly number[]
  /** Admissions from `firstSeq` to `seq` are on the device. */
  readonly firstSeq: number
  /** The chain's head: the last bundle whose admission was verified (0: none), and what the next one carries as `prev`. */
  readonly seq: number
  readonly prev: Uint8Array
  /**
   * What was left out when the state began, for what might be under way: as many seqs up to `to`, of which one is the edge's
   * head while nothing that followed is admitted, and counters, under which there is nothing to read.
   */
  readonly leftOut?: { readonly to: number; readonly seqs: number; readonly counters?: Range }
  readonly cursor: number
  readonly policy: Policy
  readonly keys: KeySet
  readonly clock: SavedClock
  /** What contexts on the same storage have to read again. */
  readonly changes: Changes
  /** The edge said that it takes nothing from this device. */
  readonly blocked?: { readonly code: ProblemCode; readonly atMs: number }
  /** The edge holds a history that is not ours: nothing is taken, because nothing could be sent. */
  readonly conflict?: { readonly atMs: number }
}

/** Why no payment may be taken, as far as the edge is concerned. */
export const blockOf = ({ conflict, blocked }: DeviceState): ProblemCode | 'chain_conflict' | undefined =>
  conflict ? 'chain_conflict' : blocked?.code

type Encoded = Omit<DeviceState, 'kid' | 'prev' | 'policy' | 'keys' | 'claims' | 'mandated' | 'debits' | 'pass'> & {
  readonly kid: string
  readonly prev: string
  readonly policy: string
  readonly keys: string
  readonly claims?: string
  readonly mandated?: string
  readonly debits?: string
  readonly pass?: string
}

/** JSON form: bytes as base64url, policy and keys as on the wire. */
export function encodeState({ claims, mandated, debits, pass, ...state }: DeviceState): Encoded {
  return {
    ...state,
    ...(pass && { pass: toBase64url(pass) }),
    ...(claims && { claims: toBase64url(encodeCbor(claims.map(claimToCbor))) }),
    ...(mandated && { mandated: toBase64url(encodeCbor(mandated.map(mandatedToCbor))) }),
    ...(debits && { debits: toBase64url(encodeCbor(debits.map(debitToCbor))) }),
    kid: toBase64url(state.kid),
    prev: toBase64url(state.prev),
    policy: toBase64url(encodeCbor(policyToCbor(state.policy))),
    keys: toBase64url(encodeKeySet(state.keys)),
  }
}

export function decodeState({ claims, mandated, debits, pass, ...encoded }: Encoded): DeviceState {
  return {
    ...encoded,
    ...(pass !== undefined && { pass: fromBase64url(pass) }),
    ...(claims !== undefined && { claims: claimsFrom(claims) }),
    ...(mandated !== undefined && { mandated: mandatedFrom(mandated) }),
    ...(debits !== undefined && { debits: debitsFrom(debits) }),
    kid: fromBase64url(encoded.kid),
    prev: fromBase64url(encoded.prev),
    policy: policyFromCbor(decodeCbor(fromBase64url(encoded.policy))),
    keys: decodeKeySet(fromBase64url(encoded.keys)),
  }
}

function claimsFrom(encoded: string): readonly Claim[] {
  return list(decodeCbor(fromBase64url(encoded)), 'claims', 0, CLAIMS_PER_NOTICE_MAX).map(claimFromCbor)
}

function debitsFrom(encoded: string): readonly Debit[] {
  return list(decodeCbor(fromBase64url(encoded)), 'debits', 0, DEBITS_PER_NOTICE_MAX).map(debitFromCbor)
}

function mandatedFrom(encoded: string): readonly MandatedDebit[] {
  return list(decodeCbor(fromBase64url(encoded)), 'mandated', 0, MANDATED_PER_NOTICE_MAX).map(mandatedFromCbor)
}

export type EncodedState = Encoded
