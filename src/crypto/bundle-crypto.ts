import {
  type Bundle,
  type BundleHeader,
  encodeBundleHeader,
  encodeSealed,
  parseSealed,
  sealAad,
} from '../protocol/bundle.ts'
import { parse } from '../protocol/parse.ts'
import { type BundlePayload, decodePayload, encodePayload } from '../protocol/payload.ts'
import { err, type Result } from '../protocol/result.ts'
import { signSign1 } from './sign1.ts'
import type { CryptoSuite, RecipientKey, Signer } from './suite.ts'

/** Seals a payload to the edge. The result is the bundle's `payload`: it stays the same however often it is signed. */
export async function sealPayload(
  suite: CryptoSuite,
  recipient: { kid: Uint8Array; publicKey: Uint8Array },
  header: Pick<BundleHeader, 'deviceId' | 'bundleId' | 'seq'>,
  payload: BundlePayload,
): Promise<Uint8Array> {
  const sealed = await suite.seal(recipient.publicKey, encodePayload(payload), sealAad(header))
  return encodeSealed({ recipientKid: recipient.kid, ...sealed })
}

/** Signs sealed bytes under a header: the bundle as it goes on the wire. */
export function signBundle(signer: Signer, header: BundleHeader, sealed: Uint8Array): Promise<Uint8Array> {
  return signSign1(signer, encodeBundleHeader(header), sealed, '')
}

export interface OpenRefusal {
  readonly code: 'unknown_recipient_key' | 'undecryptable' | 'invalid_payload'
  /** With `invalid_payload`: the field, and the entry that it is of. */
  readonly detail?: string
}

/** Opens the sealed part and reads the payments. The signature must have been verified before. */
export async function openBundle(
  suite: CryptoSuite,
  recipient: (kid: Uint8Array) => Promise<RecipientKey | undefined>,
  bundle: Bundle,
): Promise<Result<BundlePayload, OpenRefusal>> {
  const sealed = parse(() => parseSealed(bundle.payload))
  if (!sealed.ok) return err({ code: 'undecryptable' })
  const key = await recipient(sealed.value.recipientKid)
  if (key === undefined) return err({ code: 'unknown_recipient_key' })
  const plaintext = await suite.open(key, sealed.value, sealAad(bundle.claims))
  if (plaintext === undefined) return err({ code: 'undecryptable' })
  const payload = parse(() => decodePayload(plaintext))
  return payload.ok ? payload : err({ code: 'invalid_payload', detail: payload.error.message })
}
