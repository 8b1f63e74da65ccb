import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { KEY_ID_BYTES } from './limits.ts'
import { bytes, list, map, oneOf, positive } from './shape.ts'

/** The edge's public keys: what devices seal to, and what receipts and notices are verified with. */
export interface KeySet {
  /** Grows with every change; a device says which it has. */
  readonly version: number
  readonly keys: readonly EdgeKey[]
}

export const KEY_USES = ['seal', 'receipt'] as const
export type KeyUse = (typeof KEY_USES)[number]

/** `retiring`: not for new bundles, still opened or trusted. `retired`: no longer used, listed so that it is forgotten. */
export const KEY_STATES = ['active', 'retiring', 'retired'] as const
export type KeyState = (typeof KEY_STATES)[number]

export interface EdgeKey {
  readonly kid: Uint8Array
  readonly use: KeyUse
  readonly state: KeyState
  /** P-256, SEC1 uncompressed, 65 bytes. */
  readonly publicKey: Uint8Array
}

export function keySetToCbor(set: KeySet): CborValue {
  const keys = set.keys.map(
    (key): CborValue => [key.kid, KEY_USES.indexOf(key.use), KEY_STATES.indexOf(key.state), key.publicKey],
  )
  return new Map<number, CborValue>([
    [1, set.version],
    [2, keys],
  ])
}

export const encodeKeySet = (set: KeySet): Uint8Array => encodeCbor(keySetToCbor(set))

/**
 * Reads what `GET /offline/keys` answers with `Accept: application/cbor`.
 *
 * @throws MalformedCbor
 */
export const decodeKeySet = (encoded: Uint8Array): KeySet => keySetFromCbor(decodeCbor(encoded))

/** @throws MalformedCbor */
export function keySetFromCbor(value: CborValue | undefined): KeySet {
  const claims = map(value, 'keys', [1, 2])
  const keys = list(claims.get(2), 'keys', 1, 32).map((entry): EdgeKey => {
    const [kid, use, state, publicKey] = list(entry, 'key', 4, 4)
    return {
      kid: bytes(kid, 'kid', KEY_ID_BYTES),
      use: oneOf(use, 'use', KEY_USES),
      state: oneOf(state, 'state', KEY_STATES),
      publicKey: bytes(publicKey, 'public_key', 65),
    }
  })
  if (!keys.some((key) => key.use === 'seal' && key.state === 'active')) throw new MalformedCbor('no active seal key')
  return { version: positive(claims.get(1), 'keys.version'), keys }
}
