import { verifySign1 } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { authorizationTerms, parseAuthorization } from '../../src/protocol/authorization.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { parse } from '../../src/protocol/parse.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { World } from '../world.ts'

/**
 * `given`: the owner of the debited wallet signed these terms. `false`: somebody signed them, and not that owner. `none`:
 * there is no signature over these terms.
 */
export type Word = 'given' | 'false' | 'none'

/** Whether payers gave their word, asked of the phones themselves. */
export class PayersWord {
  readonly #phones: World['phones']

  constructor({ phones }: Pick<World, 'phones'>) {
    this.#phones = phones
  }

  async of(payment: Payment): Promise<Word> {
    const { authorization } = payment
    const read = authorization && parse(() => parseAuthorization(authorization))
    if (!read?.ok || !equalBytes(read.value.payload, authorizationTerms(payment))) return 'none'
    const phone = this.#phones.get(payment.sender)
    if (phone === undefined || phone.deviceId !== read.value.claims.deviceId) return 'false'
    const verifier = await webCryptoSuite.verifier(phone.signer.key)
    return (await verifySign1(verifier, read.value, 'molam-payer-authorization-v1')) ? 'given' : 'false'
  }

  /** Names the signature that a payment carries: it is good for one. */
  nonceOf({ authorization }: Payment): string | undefined {
    const read = authorization && parse(() => parseAuthorization(authorization))
    return read?.ok ? `${read.value.claims.deviceId} ${toHex(read.value.claims.nonce)}` : undefined
  }
}
