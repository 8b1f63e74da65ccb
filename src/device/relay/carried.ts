import { type Bundle, parseBundle, UnsupportedVersion } from '../../protocol/bundle.ts'
import { fromBase64url, toBase64url, toHex } from '../../protocol/bytes.ts'
import { type DeviceId, ulidText } from '../../protocol/ids.ts'
import { parse } from '../../protocol/parse.ts'
import type { ProblemCode } from '../../protocol/problems.ts'
import { err, type Result } from '../../protocol/result.ts'

/** Another device's bundle on this phone. */
export interface CarriedBundle {
  /** Names the signed bytes, 32 hex digits. */
  readonly id: string
  /** Who took the payments, as the bundle says. */
  readonly deviceId: DeviceId
  /** The ULID of the bundle. */
  readonly bundleId: string
  /** UTC milliseconds on this phone's clock: when it was taken over, or, once it was answered, when it was answered. */
  readonly atMs: number
  readonly state: CarriedState
}

export type CarriedState =
  /** Pushed whenever there is a network, until the edge answers. */
  | { readonly status: 'waiting'; readonly bundle: Uint8Array }
  /** Admitted. The receipt goes back to the device that took the payments, which verifies it. */
  | { readonly status: 'delivered'; readonly receipt: Uint8Array }
  /** The edge will not take these signed bytes. The device still has the payments, and hears why at its own next sync. */
  | { readonly status: 'refused'; readonly code: ProblemCode }

/**
 * Why scanned bytes are not carried.
 *
 * - `malformed`, `unsupported_version`: no bundle, or one of a later protocol
 * - `not_for_relay`: signed for a push by the device itself; the edge takes that for minutes only
 * - `full`: as many wait as one phone carries
 */
export type NotCarried = 'malformed' | 'unsupported_version' | 'not_for_relay' | 'full'

/** Reads what was scanned. The signature is the edge's to verify: only it knows the device's key. */
export function readRelayBundle(bytes: Uint8Array): Result<Bundle, NotCarried> {
  const bundle = parse(() => parseBundle(bytes))
  if (bundle.ok) return bundle.value.claims.relay ? bundle : err('not_for_relay')
  return err(bundle.error instanceof UnsupportedVersion ? 'unsupported_version' : 'malformed')
}

/** By its bytes and not by what it says of itself: a forgery with the same names must not take a true one's place. */
export async function carriedOf(
  bytes: Uint8Array,
  { claims }: Bundle,
  atMs: number,
  sha256: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<CarriedBundle> {
  const { deviceId, bundleId } = claims
  const id = toHex((await sha256(bytes)).slice(0, 16))
  return { id, deviceId, bundleId: ulidText(bundleId), atMs, state: { status: 'waiting', bundle: bytes } }
}

type EncodedState =
  | { readonly status: 'waiting'; readonly bundle: string }
  | { readonly status: 'delivered'; readonly receipt: string }
  | { readonly status: 'refused'; readonly code: ProblemCode }

/** JSON form, as it is stored: bytes as base64url. */
export type EncodedCarried = Omit<CarriedBundle, 'state'> & { readonly state: EncodedState }

export function encodeCarried(carried: CarriedBundle): EncodedCarried {
  const { state } = carried
  switch (state.status) {
    case 'waiting':
      return { ...carried, state: { status: 'waiting', bundle: toBase64url(state.bundle) } }
    case 'delivered':
      return { ...carried, state: { status: 'delivered', receipt: toBase64url(state.receipt) } }
    case 'refused':
      return { ...carried, state }
  }
}

export function decodeCarried(encoded: EncodedCarried): CarriedBundle {
  const { state } = encoded
  switch (state.status) {
    case 'waiting':
      return { ...encoded, state: { status: 'waiting', bundle: fromBase64url(state.bundle) } }
    case 'delivered':
      return { ...encoded, state: { status: 'delivered', receipt: fromBase64url(state.receipt) } }
    case 'refused':
      return { ...encoded, state }
  }
}
