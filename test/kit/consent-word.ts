import { signSign1 } from '../../src/crypto/sign1.ts'
import { thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { type ConsentWord, encodeConsentWord, encodeConsentWordHeader } from '../../src/protocol/consent-word.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import type { TestDevice } from './device.ts'

/** What a paying device signs, that another one of its wallet may pay. */
export async function signConsentWord(
  giver: TestDevice,
  to: TestDevice,
  over: Partial<ConsentWord> = {},
): Promise<Uint8Array> {
  const nowMs = Math.floor(Date.now() / 1000) * 1000
  const word: ConsentWord = {
    ...{ wallet: giver.ownerWallet, deviceId: to.id, madeAtMs: nowMs, untilMs: nowMs + 30 * DAY_MS },
    thumbprint: await thumbprint(webCryptoSuite, to.signer.key),
    ...over,
  }
  const header = encodeConsentWordHeader({ alg: giver.signer.key.alg, kid: giver.kid, deviceId: giver.id })
  return signSign1(giver.signer, header, encodeConsentWord(word), 'molam-wallet-consent-v1')
}
