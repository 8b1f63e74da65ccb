import type { AgentApproval } from '../../device/sdk/index.ts'
import { decodeApprovalRequest, parseApproval } from '../../protocol/approval.ts'
import { equalBytes, fromBase64url } from '../../protocol/bytes.ts'

/**
 * Reads an agent's approval as it was scanned or pasted (base64url). Whether its signature holds only the edge can tell; that it
 * answers what this till shows is seen here, while the agent is still there.
 *
 * @returns undefined when it is none, or the answer to another request
 */
export function readApproval(text: string, request: Uint8Array): AgentApproval | undefined {
  try {
    const approval = fromBase64url(text.trim())
    const { requestId } = decodeApprovalRequest(request)
    return equalBytes(parseApproval(approval).claims.requestId, requestId) ? { request, approval } : undefined
  } catch {
    return undefined
  }
}
