import type { CryptoSuite, Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import type { PayerHeader } from '../../src/protocol/payer-header.ts'

/** A phone with a registered key, which signs what it is shown: a payer's (payer.ts), an agent's (agent.ts). */
export class Phone {
  readonly deviceId: string
  readonly signer: Signer
  readonly #suite: CryptoSuite

  constructor(id: string, signer: Signer, suite: CryptoSuite) {
    this.deviceId = id
    this.signer = signer
    this.#suite = suite
  }

  /** Who signs, as the header of each signature says it. */
  protected async signing(): Promise<PayerHeader> {
    const { key } = this.signer
    return { alg: key.alg, kid: await keyId(this.#suite, key), deviceId: deviceId(this.deviceId) }
  }
}
