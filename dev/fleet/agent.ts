import { signDetached } from '../../src/crypto/sign1.ts'
import type { CryptoSuite, Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { approvalTerms, decodeApprovalRequest, encodeApprovalHeader } from '../../src/protocol/approval.ts'
import { deviceId } from '../../src/protocol/ids.ts'

/** An agent's phone: approves what it is shown, by signing it. */
export class AgentPhone {
  readonly deviceId: string
  readonly signer: Signer
  readonly #suite: CryptoSuite

  constructor(id: string, signer: Signer, suite: CryptoSuite) {
    this.deviceId = id
    this.signer = signer
    this.#suite = suite
  }

  /** @param request what a till shows @param atMs the phone's own clock */
  async approve(request: Uint8Array, atMs: number): Promise<Uint8Array> {
    const asked = decodeApprovalRequest(request)
    const header = encodeApprovalHeader({
      alg: this.signer.key.alg,
      kid: await keyId(this.#suite, this.signer.key),
      deviceId: deviceId(this.deviceId),
      signedAtMs: atMs,
      requestId: asked.requestId,
    })
    return signDetached(this.signer, header, approvalTerms(asked, asked.takerId), 'molam-agent-approval-v1')
  }
}
