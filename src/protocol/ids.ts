import { BUNDLE_ID_BYTES, COUNTER_MAX, PARTY_CHARS_MAX } from './limits.ts'

/**
 * `device_id`: 1–64 of `[A-Za-z0-9._-]`, and neither `.` nor `..`: clients remove those from a path before they send it
 * (RFC 3986 §5.2.4), so no client could address such a device.
 */
export type DeviceId = string & { readonly __brand: 'DeviceId' }

const DEVICE_ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/

export function isDeviceId(value: unknown): value is DeviceId {
  return typeof value === 'string' && DEVICE_ID.test(value)
}

/** @throws RangeError */
export function deviceId(value: string): DeviceId {
  if (!isDeviceId(value)) throw new RangeError('a device id is 1 to 64 of A-Z a-z 0-9 . _ -, and not . or ..')
  return value
}

/** Wallet and merchant ids: printable ASCII without white space, so that one id has one spelling and prints safely. */
const PARTY = new RegExp(`^[\\x21-\\x7e]{1,${PARTY_CHARS_MAX}}$`)

export function isParty(value: unknown): value is string {
  return typeof value === 'string' && PARTY.test(value)
}

/** A payment's name everywhere outside the wire: `POS-001/42`. */
export function localId(device: string, counter: number): string {
  return `${device}/${counter}`
}

/** @returns the parts of a `local_id`, or undefined when it is none. */
export function parseLocalId(value: string): { deviceId: DeviceId; counter: number } | undefined {
  const slash = value.lastIndexOf('/')
  const device = value.slice(0, slash)
  const counter = Number(value.slice(slash + 1))
  if (!isDeviceId(device) || !/^[1-9][0-9]*$/.test(value.slice(slash + 1)) || counter > COUNTER_MAX) return undefined
  return { deviceId: device, counter }
}

/** Crockford's base 32, as the ULID specification uses it. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A fresh ULID as its 16 bytes: 48 bits of UTC milliseconds, 80 bits of randomness. */
export function newUlid(nowMs: number, randomBytes: (length: number) => Uint8Array): Uint8Array {
  const out = new Uint8Array(BUNDLE_ID_BYTES)
  new DataView(out.buffer).setUint16(0, Math.floor(nowMs / 0x1_0000_0000))
  new DataView(out.buffer).setUint32(2, nowMs % 0x1_0000_0000)
  out.set(randomBytes(10), 6)
  return out
}

/** The 26 characters of a ULID. */
export function ulidText(bytes: Uint8Array): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  let out = ''
  for (let i = 0; i < 26; i++, value >>= 5n) out = CROCKFORD[Number(value & 31n)] + out
  return out
}

/** @returns the 16 bytes, or undefined when the text is not a ULID in upper case. */
export function parseUlid(value: string): Uint8Array | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(value)) return undefined
  let number = 0n
  for (const char of value) number = (number << 5n) | BigInt(CROCKFORD.indexOf(char))
  const out = new Uint8Array(BUNDLE_ID_BYTES)
  for (let i = 15; i >= 0; i--, number >>= 8n) out[i] = Number(number & 255n)
  return out
}
