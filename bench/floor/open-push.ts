import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { verifySign1 } from '../../src/crypto/sign1.ts'
import type { Verifier } from '../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { type Bundle, parseBundle, parseSealed, sealAad } from '../../src/protocol/bundle.ts'
import { ES256 } from '../../src/protocol/cose.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'

/**
 * What floor and bound do alike with a push, by the edge's own reader and cryptography: a ratio of two of them compares
 * everything else. The payments in the opened seal stay unread.
 */
const verifiers = new Map<string, Verifier>()

/**
 * Reads the envelope, verifies the signature, and opens the seal.
 *
 * @param publicKeyOf asked once for each device that this isolate meets
 * @returns the bundle, or the status that refuses it
 */
export async function openPush(
  body: Uint8Array,
  keys: KeyProvider,
  publicKeyOf: (deviceId: DeviceId) => Promise<Uint8Array>,
): Promise<Bundle | 401 | 422> {
  const bundle = parseBundle(body)
  const { claims, payload } = bundle
  let verifier = verifiers.get(claims.deviceId)
  if (verifier === undefined) {
    verifier = await webCryptoSuite.verifier({ alg: ES256, bytes: await publicKeyOf(claims.deviceId) })
    verifiers.set(claims.deviceId, verifier)
  }
  if (!(await verifySign1(verifier, bundle, ''))) return 401
  const sealed = parseSealed(payload)
  const recipient = await keys.recipient(sealed.recipientKid)
  const opened = recipient && (await webCryptoSuite.open(recipient, sealed, sealAad(claims)))
  return opened === undefined ? 422 : bundle
}
