import type { Result } from '../protocol/result.ts'
import type { RemoteFailure, RemoteRisk } from './score.ts'
import type { BulkItem, BundleFacts, Escalation } from './sira-request.ts'

/** Whoever is asked for a score before the local rules are. Never throws for what the other side does. */
export interface RemoteScorer {
  scoreBundle(bundle: BundleFacts, requestId: string): Promise<RemoteRisk>
  /** @returns a result for each item, in their order */
  scoreBulk(items: readonly BulkItem[], requestId: string): Promise<readonly RemoteRisk[]>
  /** Whether there is anybody to escalate to. */
  readonly takesEscalations: boolean
  /** @returns SIRA's reference of the case; on an error it is still owed */
  escalate(escalation: Escalation, requestId: string): Promise<Result<string, RemoteFailure>>
}
