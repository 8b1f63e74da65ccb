import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { type Alg, isAlg } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { BUNDLE_BYTES_MAX, KEY_ID_BYTES } from './limits.ts'
import { type Country, isCountry } from './policy.ts'
import { bytes, map, oneOf, positive, text, uint } from './shape.ts'

/**
 * What the Device Object tells the reconciler through the settle queue. Deterministic CBOR as a Queue message of
 * content type `bytes`. Delivered at least once and in any order; each message can be told apart by its content.
 */
export type SettleMessage = BundleMessage | DeviceMessage

/** An admitted bundle. The reconciler believes neither the order nor the edge: it verifies both signatures again. */
export interface BundleMessage {
  readonly kind: 'bundle'
  readonly deviceId: DeviceId
  /** The signed bundle, the very bytes that were admitted. */
  readonly bundle: Uint8Array
  /** The signed receipt, the very bytes that the device gets. */
  readonly receipt: Uint8Array
  readonly country: Country
  /** The version of the country's policy that was in force. */
  readonly policyVersion: number
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
}

export const DEVICE_STATUSES = ['active', 'suspended', 'revoked'] as const
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]

const BUNDLE = 1
const DEVICE = 2

export function encodeSettleMessage(message: SettleMessage): Uint8Array {
  switch (message.kind) {
    case 'bundle':
      return encodeCbor(
        new Map<number, CborValue>([
          [0, BUNDLE],
          [1, message.deviceId],
          [2, message.bundle],
          [3, message.receipt],
          [4, message.country],
          [5, message.policyVersion],
        ]),
      )
    case 'device':
      return encodeCbor(
        new Map<number, CborValue>([
          [0, DEVICE],
          [1, message.deviceId],
          [2, message.rev],
          [3, message.alg],
          [4, message.kid],
          [5, message.publicKey],
          [6, DEVICE_STATUSES.indexOf(message.status)],
          [7, message.country],
          [8, message.tenant],
          [9, message.ownerWallet],
          [10, message.atMs],
        ]),
      )
  }
}

/** Bytes of the largest message: a full bundle, its receipt, and the few fields beside them. */
const MESSAGE_BYTES_MAX = BUNDLE_BYTES_MAX + 16 * 1024

/** @throws MalformedCbor */
export function parseSettleMessage(encoded: Uint8Array): SettleMessage {
  const value = decodeCbor(encoded, MESSAGE_BYTES_MAX)
  if (!(value instanceof Map)) throw new MalformedCbor('message')
  switch (value.get(0)) {
    case BUNDLE:
      return bundleMessage(map(value, 'message', [0, 1, 2, 3, 4, 5]))
    case DEVICE:
      return deviceMessage(map(value, 'message', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))
    default:
      throw new MalformedCbor('message.kind')
  }
}

function bundleMessage(fields: CborMap): BundleMessage {
  return {
    kind: 'bundle',
    deviceId: device(fields.get(1)),
    bundle: bytes(fields.get(2), 'message.bundle', { max: BUNDLE_BYTES_MAX }),
    receipt: bytes(fields.get(3), 'message.receipt', { max: BUNDLE_BYTES_MAX }),
    country: country(fields.get(4)),
    policyVersion: positive(fields.get(5), 'message.policy_version'),
  }
}

function deviceMessage(fields: CborMap): DeviceMessage {
  const alg = fields.get(3)
  if (!isAlg(alg)) throw new MalformedCbor('message.alg')
  return {
    kind: 'device',
    deviceId: device(fields.get(1)),
    rev: positive(fields.get(2), 'message.rev'),
    alg,
    kid: bytes(fields.get(4), 'message.kid', KEY_ID_BYTES),
    publicKey: bytes(fields.get(5), 'message.public_key', { max: 1024 }),
    status: oneOf(fields.get(6), 'message.status', DEVICE_STATUSES),
    country: country(fields.get(7)),
    tenant: text(fields.get(8), 'message.tenant', 64),
    ownerWallet: text(fields.get(9), 'message.owner_wallet', 64),
    atMs: uint(fields.get(10), 'message.at'),
  }
}

function device(value: CborValue | undefined): DeviceId {
  if (!isDeviceId(value)) throw new MalformedCbor('message.device_id')
  return value
}

function country(value: CborValue | undefined): Country {
  if (!isCountry(value)) throw new MalformedCbor('message.country')
  return value
}
