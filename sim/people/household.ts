import { signSign1 } from '../../src/crypto/sign1.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId, thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { encodeConsentWord, encodeConsentWordHeader } from '../../src/protocol/consent-word.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import type { Rogue } from './rogue.ts'

/**
 * Three phones of one customer. The first pays by its holder's code and lets the second pay by its word; what the second says lets
 * nobody pay, and neither does what somebody else's phone says.
 */
export interface Household {
  readonly first: Rogue
  readonly second: Rogue
  readonly third: Rogue
  /** Everything that was signed, in that order, whoever brought it where. */
  readonly words: SpokenWord[]
}

export interface SpokenWord {
  readonly giver: string
  /** Key ids and thumbprints in hex. */
  readonly giverKid: string
  readonly to: string
  readonly thumbprint: string
  /** Whole seconds. */
  readonly madeAtMs: number
  readonly untilMs: number
  /** The very bytes. */
  readonly signed: Uint8Array
}

/** A phone that signs. */
interface Speaker {
  readonly id: string
  readonly signer: Signer
}

/** One phone signs that another one may pay out of the wallet. */
export async function speak(
  giver: Speaker,
  to: Rogue,
  { madeAtMs, untilMs }: Pick<SpokenWord, 'madeAtMs' | 'untilMs'>,
): Promise<SpokenWord> {
  const own = await thumbprint(webCryptoSuite, (await to.signer()).key)
  const kid = await keyId(webCryptoSuite, giver.signer.key)
  const header = encodeConsentWordHeader({ alg: giver.signer.key.alg, kid, deviceId: deviceId(giver.id) })
  const payload = encodeConsentWord({
    ...{ wallet: to.wallet, deviceId: deviceId(to.id), thumbprint: own, madeAtMs, untilMs },
  })
  return {
    ...{ giver: giver.id, giverKid: toHex(kid), to: to.id, thumbprint: toHex(own), madeAtMs, untilMs },
    signed: await signSign1(giver.signer, header, payload, 'molam-wallet-consent-v1'),
  }
}
