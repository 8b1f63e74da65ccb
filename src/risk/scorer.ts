import { err, ok, type Result } from '../protocol/result.ts'
import { fixedScore, type RiskMode } from './fixed.ts'
import type { Hmac } from './pseudonym.ts'
import type { RemoteFailure, RemoteRisk } from './score.ts'
import type { SiraDeps } from './sira-call.ts'
import { SiraClient } from './sira-client.ts'
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

/** @param hmac keyed with the mode's pseudonym key; needed for SIRA only */
export function remoteScorer(mode: RiskMode, hmac: Hmac, deps: SiraDeps): RemoteScorer {
  switch (mode.kind) {
    case 'sira':
      return new SiraClient(mode, hmac, deps)
    case 'local':
      // Observed as a failure to ask: that the local rules score alone must be seen.
      return always(err({ reason: 'not_configured' }), (operation) =>
        deps.observe({ operation, latencyMs: 0, outcome: 'not_configured' }),
      )
    case 'fixed':
      return always(ok(fixedScore(mode.score)))
  }
}

function always(risk: RemoteRisk, onAsked: (operation: 'bundle' | 'bulk') => void = () => undefined): RemoteScorer {
  return {
    scoreBundle: async () => {
      onAsked('bundle')
      return risk
    },
    scoreBulk: async (items) => {
      onAsked('bulk')
      return items.map(() => risk)
    },
    takesEscalations: false,
    escalate: async () => err({ reason: 'not_configured' }),
  }
}
