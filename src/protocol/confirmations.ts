import { type AllowanceStanding, allowanceFromCbor, allowanceToCbor } from './allowances.ts'
import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { type Claim, claimFromCbor, claimToCbor } from './claims.ts'
import { type CodeVerdict, verdictFromCbor, verdictToCbor } from './consent-code.ts'
import { type Debit, debitFromCbor, debitToCbor } from './debits.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import {
  BUNDLE_BYTES_MAX,
  BUNDLE_ID_BYTES,
  CLAIMS_PER_NOTICE_MAX,
  CONSENTS_MAX,
  COUNTER_MAX,
  DEBITS_PER_NOTICE_MAX,
  MANDATED_PER_NOTICE_MAX,
  PAYMENTS_PER_BUNDLE_MAX,
  THUMBPRINT_BYTES,
} from './limits.ts'
import { type MandatedDebit, mandatedFromCbor, mandatedToCbor } from './mandated.ts'
import { type Outcome, outcomeFromCbor, outcomeToCbor } from './notice.ts'
import { WALLET_STATES, type WalletState } from './owner-wallet.ts'
import { bytes, list, map, oneOf, positive, uint } from './shape.ts'

/**
 * What the reconciler tells the edge (`POST /internal/outcomes`): what it holds durably, so that it is no longer owed,
 * and what became of the payments. Repeats change nothing.
 */
export type Confirmation =
  | DeviceRecorded
  | BundleRecorded
  | BundleSettled
  | ResolutionRecorded
  | AnswerRecorded
  | ClaimsOpen
  | AllowanceStands

/** The device's facts up to `rev` are in the registry. */
export interface DeviceRecorded {
  readonly kind: 'device_recorded'
  readonly deviceId: DeviceId
  readonly rev: number
  /** What the ledger says of the owner's wallet. */
  readonly wallet?: WalletState
  /** How far the newest request for a code is. */
  readonly code?: CodeVerdict
  /** Stated consents that the ledger does not bear out: by their own word their keys debit nothing. */
  readonly refused?: readonly RefusedConsent[]
}

/** Names a consent of a device. */
export interface RefusedConsent {
  readonly thumbprint: Uint8Array
  readonly givenAtMs: number
}

/** The bundle is in Postgres: no message about it has to be sent again. */
export interface BundleRecorded {
  readonly kind: 'bundle_recorded'
  readonly deviceId: DeviceId
  readonly bundleId: Uint8Array
  readonly seq: number
}

/** Outcomes of payments of one bundle; those not named keep the status they had. */
export interface BundleSettled {
  readonly kind: 'bundle_settled'
  readonly deviceId: DeviceId
  readonly bundleId: Uint8Array
  readonly seq: number
  /** Grows with each message about this bundle; an older one changes nothing. */
  readonly rev: number
  readonly outcomes: readonly Outcome[]
  /** The outcomes as they came, an encoded list: so their device gets them. */
  readonly encoded?: Uint8Array
}

/**
 * The resolution of people with this `rev` is in Postgres; it says nothing about later or earlier ones. What comes of it
 * follows as `bundle_settled`.
 */
interface ResolutionRecorded {
  readonly kind: 'resolution_recorded'
  readonly deviceId: DeviceId
  readonly rev: number
}

/** The holder's answer with this `rev` is in Postgres. What comes of it the taker is told as `bundle_settled`. */
interface AnswerRecorded {
  readonly kind: 'answer_recorded'
  readonly deviceId: DeviceId
  readonly rev: number
}

/**
 * What others take from the owner's wallet: the claims that wait for its holder, what the holder's mandates paid, and what became of
 * what they took on the holder's word, so far as they fit a notice.
 */
export interface ClaimsOpen {
  readonly kind: 'claims_open'
  readonly deviceId: DeviceId
  /** Grows with each change; an older list changes nothing. */
  readonly rev: number
  readonly claims: readonly Claim[]
  /** The newest first. */
  readonly mandated: readonly MandatedDebit[]
  /** The newest first. */
  readonly debits: readonly Debit[]
}

/** How the newest allowance of the device is in the ledger. */
export interface AllowanceStands {
  readonly kind: 'allowance_stands'
  readonly deviceId: DeviceId
  /** Grows with each change; what is older changes nothing. */
  readonly rev: number
  readonly allowance: AllowanceStanding
  /** The newest allowance under which the device has signed what cannot all be true, and the ledger keeps the evidence; 0 for none. */
  readonly convictedNo: number
}

const KIND = {
  device_recorded: 1,
  bundle_recorded: 2,
  bundle_settled: 3,
  resolution_recorded: 4,
  answer_recorded: 5,
  claims_open: 6,
  allowance_stands: 7,
} as const

/** Confirmations of one device in one call, devices in one call, and the bytes that a call may take. */
export const CONFIRMATIONS_PER_CALL_MAX = 500
const DEVICES_PER_CALL_MAX = 500
export const CONFIRMATIONS_BYTES_MAX = 4 * 1024 * 1024

/** A call: device id → an encoded list of what concerns that device, so that whoever hands it on need not read it. */
export function encodeConfirmations(confirmations: readonly Confirmation[]): Uint8Array {
  const byDevice = Map.groupBy(confirmations, ({ deviceId }) => deviceId)
  return encodeCbor(new Map([...byDevice].map(([deviceId, own]) => [deviceId, encodeCbor(own.map(toCbor))])))
}

function toCbor(confirmation: Confirmation): CborMap {
  const fields = new Map<number, CborValue>([[0, KIND[confirmation.kind]]])
  switch (confirmation.kind) {
    case 'device_recorded': {
      const { rev, wallet, code, refused = [] } = confirmation
      fields.set(1, rev)
      if (wallet !== undefined) fields.set(2, WALLET_STATES.indexOf(wallet))
      if (code !== undefined) fields.set(3, verdictToCbor(code))
      if (refused.length === 0) return fields
      return fields.set(
        4,
        refused.map(({ thumbprint, givenAtMs }) => [thumbprint, givenAtMs]),
      )
    }
    case 'resolution_recorded':
    case 'answer_recorded':
      return fields.set(1, confirmation.rev)
    case 'claims_open':
      fields.set(1, confirmation.rev).set(2, confirmation.claims.map(claimToCbor))
      fields.set(3, confirmation.mandated.map(mandatedToCbor))
      return fields.set(4, confirmation.debits.map(debitToCbor))
    case 'allowance_stands':
      fields.set(1, confirmation.rev).set(2, allowanceToCbor(confirmation.allowance))
      return fields.set(3, confirmation.convictedNo)
    case 'bundle_recorded':
      return fields.set(1, confirmation.bundleId).set(2, confirmation.seq)
    case 'bundle_settled':
      fields.set(1, confirmation.bundleId).set(2, confirmation.seq).set(3, confirmation.rev)
      return fields.set(4, encodeCbor(confirmation.outcomes.map(outcomeToCbor)))
  }
}

/** @returns what each device is told, encoded @throws MalformedCbor */
export function splitConfirmations(encoded: Uint8Array): ReadonlyMap<DeviceId, Uint8Array> {
  const call = decodeCbor(encoded, CONFIRMATIONS_BYTES_MAX)
  if (!(call instanceof Map) || call.size === 0 || call.size > DEVICES_PER_CALL_MAX) throw new MalformedCbor('call')
  return new Map(
    [...call].map(([deviceId, own]) => {
      if (!isDeviceId(deviceId)) throw new MalformedCbor('device_id')
      return [deviceId, bytes(own, 'confirmations', { max: CONFIRMATIONS_BYTES_MAX })]
    }),
  )
}

/** @param encoded what a call says of this device @throws MalformedCbor */
export function decodeConfirmations(deviceId: DeviceId, encoded: Uint8Array): readonly Confirmation[] {
  const values = list(decodeCbor(encoded, CONFIRMATIONS_BYTES_MAX), 'confirmations', 1, CONFIRMATIONS_PER_CALL_MAX)
  return values.map((value) => fromCbor(deviceId, value))
}

function fromCbor(deviceId: DeviceId, value: CborValue): Confirmation {
  if (!(value instanceof Map)) throw new MalformedCbor('confirmation')
  switch (value.get(0)) {
    case KIND.device_recorded:
      map(value, 'confirmation', [0, 1], [2, 3, 4])
      return {
        kind: 'device_recorded',
        deviceId,
        rev: positive(value.get(1), 'confirmation.rev'),
        ...(value.has(2) && { wallet: oneOf(value.get(2), 'confirmation.wallet', WALLET_STATES) }),
        ...(value.has(3) && { code: verdictFromCbor(value.get(3)) }),
        ...(value.has(4) && {
          refused: list(value.get(4), 'confirmation.refused', 1, CONSENTS_MAX).map(refusedConsent),
        }),
      }
    case KIND.resolution_recorded:
      map(value, 'confirmation', [0, 1])
      return { kind: 'resolution_recorded', deviceId, rev: positive(value.get(1), 'confirmation.rev') }
    case KIND.answer_recorded:
      map(value, 'confirmation', [0, 1])
      return { kind: 'answer_recorded', deviceId, rev: positive(value.get(1), 'confirmation.rev') }
    case KIND.claims_open:
      map(value, 'confirmation', [0, 1, 2, 3, 4])
      return {
        kind: 'claims_open',
        deviceId,
        rev: positive(value.get(1), 'confirmation.rev'),
        claims: list(value.get(2), 'confirmation.claims', 0, CLAIMS_PER_NOTICE_MAX).map(claimFromCbor),
        mandated: list(value.get(3), 'confirmation.mandated', 0, MANDATED_PER_NOTICE_MAX).map(mandatedFromCbor),
        debits: list(value.get(4), 'confirmation.debits', 0, DEBITS_PER_NOTICE_MAX).map(debitFromCbor),
      }
    case KIND.allowance_stands:
      map(value, 'confirmation', [0, 1, 2, 3])
      return {
        kind: 'allowance_stands',
        deviceId,
        rev: positive(value.get(1), 'confirmation.rev'),
        allowance: allowanceFromCbor(value.get(2)),
        convictedNo: uint(value.get(3), 'confirmation.convicted', COUNTER_MAX),
      }
    case KIND.bundle_recorded:
      map(value, 'confirmation', [0, 1, 2])
      return { kind: 'bundle_recorded', deviceId, ...bundle(value) }
    case KIND.bundle_settled: {
      map(value, 'confirmation', [0, 1, 2, 3, 4])
      const encoded = bytes(value.get(4), 'confirmation.outcomes', { max: BUNDLE_BYTES_MAX })
      const outcomes = list(decodeCbor(encoded), 'confirmation.outcomes', 0, PAYMENTS_PER_BUNDLE_MAX)
      const rev = positive(value.get(3), 'confirmation.rev')
      return {
        kind: 'bundle_settled',
        deviceId,
        ...bundle(value),
        rev,
        outcomes: outcomes.map(outcomeFromCbor),
        encoded,
      }
    }
    default:
      throw new MalformedCbor('confirmation.kind')
  }
}

function refusedConsent(value: CborValue): RefusedConsent {
  const [thumbprint, givenAt] = list(value, 'confirmation.refused', 2, 2)
  return {
    thumbprint: bytes(thumbprint, 'confirmation.refused', THUMBPRINT_BYTES),
    givenAtMs: uint(givenAt, 'confirmation.refused'),
  }
}

function bundle(fields: CborMap): { bundleId: Uint8Array; seq: number } {
  return {
    bundleId: bytes(fields.get(1), 'confirmation.bundle_id', BUNDLE_ID_BYTES),
    seq: positive(fields.get(2), 'confirmation.seq', COUNTER_MAX),
  }
}
