import {
  type Bundle,
  type BundleHeader,
  encodeBundleHeader,
  encodeSealed,
  parseSealed,
  sealAad,
} from '../protocol/bundle.ts'
import { type BundlePayload, decodePayload, encodePayload } from '../protocol/payload.ts'
import { err, ok, type Result } from '../protocol/result.ts'
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

export type OpenRefusal = 'unknown_recipient_key' | 'undecryptable' | 'invalid_payload'

/** Opens the sealed part and reads the payments. The signature must have been verified before. */
export async function openBundle(
  suite: CryptoSuite,
  recipient: (kid: Uint8Array) => Promise<RecipientKey | undefined>,
  bundle: Bundle,
): Promise<Result<BundlePayload, OpenRefusal>> {
  const sealed = quietly(() => parseSealed(bundle.payload))
  if (sealed === undefined) return err('undecryptable')
  const key = await recipient(sealed.recipientKid)
  if (key === undefined) return err('unknown_recipient_key')
  const plaintext = await suite.open(key, sealed, sealAad(bundle.claims))
  if (plaintext === undefined) return err('undecryptable')
  const payload = quietly(() => decodePayload(plaintext))
  return payload === undefined ? err('invalid_payload') : ok(payload)
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && error.name === 'MalformedCbor') return undefined
    throw error
  }
}
