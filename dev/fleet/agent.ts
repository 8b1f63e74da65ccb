import { signDetached } from '../../src/crypto/sign1.ts'
import { approvalTerms, decodeApprovalRequest, encodeApprovalHeader } from '../../src/protocol/approval.ts'
import { Phone } from './phone.ts'

/** An agent's phone: approves what it is shown, by signing it. */
export class AgentPhone extends Phone {
  /** @param request what a till shows @param atMs the phone's own clock */
  async approve(request: Uint8Array, atMs: number): Promise<Uint8Array> {
    const asked = decodeApprovalRequest(request)
    const { requestId, takerId } = asked
    const header = encodeApprovalHeader({ ...(await this.signing()), signedAtMs: atMs, requestId })
    return signDetached(this.signer, header, approvalTerms(asked, takerId), 'molam-agent-approval-v1')
  }
}
