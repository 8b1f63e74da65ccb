import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { HEADER_ALG, HEADER_KID, parseSign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { ALLOWANCE_NO_MAX, PASS_BYTES_MAX, PASS_HOURS_MAX, SECONDS_MAX } from './limits.ts'
import { type AmountMinor, amountMinor, type Currency } from './money.ts'
import { parse } from './parse.ts'
import { partyFromCbor } from './party.ts'
import { bytes, currencyCode, list, map, oneOf, positive, uint } from './shape.ts'
import { HOUR_MS } from './time.ts'
import { compactId } from './uuid.ts'

/**
 * What the edge signs for a paying device, so that a taker can check its authorizations with no network (docs/protocol.md §5.5): a
 * COSE_Sign1 by the receipt key, `external_aad` `molam-payer-pass-v1`.
 */
export interface Pass {
  /** The wallet that is debited. */
  readonly wallet: string
  /** The paying device. */
  readonly deviceId: DeviceId
  /** Its key: P-256 as a compressed point, 33 bytes, or Ed25519, 32 bytes. The length says which. */
  readonly key: Uint8Array
  /** Whole seconds. */
  readonly fromMs: number
  /** 1 to 168 hours after `fromMs`. */
  readonly untilMs: number
  readonly currency: Currency
  /** Of one payment. */
  readonly paymentMax: AmountMinor
  readonly level: AttestationLevel
  /** Money that the book holds for it. */
  readonly allowance?: PassAllowance
}

export interface PassAllowance {
  /** 1, 2, 3 … per device. */
  readonly no: number
  /** All that its authorizations may come to. */
  readonly ceiling: AmountMinor
}

/** What is known of where the device keeps its key; the index is its number on the wire. */
export const ATTESTATION_LEVELS = ['none', 'software', 'tee', 'strongbox'] as const
export type AttestationLevel = (typeof ATTESTATION_LEVELS)[number]

/** The payload of the COSE_Sign1. */
export function encodePass({ wallet, deviceId, key, fromMs, untilMs, ...pass }: Pass): Uint8Array {
  const { currency, paymentMax, level, allowance } = pass
  const hours = (untilMs - fromMs) / HOUR_MS
  const fields: CborValue[] = [compactId(wallet), deviceId, key, fromMs / 1000, hours, currency, paymentMax]
  fields.push(ATTESTATION_LEVELS.indexOf(level))
  if (allowance !== undefined) fields.push(allowance.no, allowance.ceiling)
  return encodeCbor(fields)
}

/** @throws MalformedCbor */
export function decodePass(payload: Uint8Array): Pass {
  const fields = list(decodeCbor(payload), 'pass', 8, 10)
  if (fields.length === 9) throw new MalformedCbor('pass.allowance')
  const [wallet, deviceId, key, from, hours, currency, paymentMax, level, no, ceiling] = fields
  if (!isDeviceId(deviceId)) throw new MalformedCbor('pass.device_id')
  const fromMs = 1000 * uint(from, 'pass.begin', SECONDS_MAX)
  return {
    wallet: partyFromCbor(wallet, 'pass.wallet'),
    deviceId,
    key: keyOf(key),
    fromMs,
    untilMs: fromMs + HOUR_MS * positive(hours, 'pass.hours', PASS_HOURS_MAX),
    currency: currencyCode(currency, 'pass.currency'),
    paymentMax: amountMinor(positive(paymentMax, 'pass.payment_max')),
    level: oneOf(level, 'pass.level', ATTESTATION_LEVELS),
    ...(fields.length === 10 && {
      allowance: {
        no: positive(no, 'pass.allowance_no', ALLOWANCE_NO_MAX),
        ceiling: amountMinor(positive(ceiling, 'pass.ceiling')),
      },
    }),
  }
}

function keyOf(value: CborValue | undefined): Uint8Array {
  const key = bytes(value, 'pass.key', { max: 33 })
  if (key.length !== 32 && !(key.length === 33 && (key[0] === 2 || key[0] === 3))) throw new MalformedCbor('pass.key')
  return key
}

/** What a pass says, whoever has signed it. @throws MalformedCbor */
export function readPass(encoded: Uint8Array): Pass {
  if (encoded.length > PASS_BYTES_MAX) throw new MalformedCbor('pass')
  const { header, payload } = parseSign1(encoded)
  map(header, 'pass.header', [HEADER_ALG, HEADER_KID])
  return decodePass(payload)
}

/** As `readPass`. @returns undefined for what is none */
export function passIn(encoded: Uint8Array | undefined): Pass | undefined {
  if (encoded === undefined) return undefined
  const read = parse(() => readPass(encoded))
  return read.ok ? read.value : undefined
}

/** Either clock may be off by the skew. */
export const isValidAt = ({ fromMs, untilMs }: Pass, atMs: number, skewMs: number): boolean =>
  atMs >= fromMs - skewMs && atMs <= untilMs + skewMs
