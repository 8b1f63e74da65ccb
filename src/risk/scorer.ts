import { err, ok } from '../protocol/result.ts'
import { fixedScore, type RiskMode } from './mode.ts'
import type { Hmac } from './pseudonym.ts'
import type { RemoteScorer } from './remote-scorer.ts'
import type { RemoteRisk } from './score.ts'
import type { SiraDeps } from './sira-call.ts'
import { SiraClient } from './sira-client.ts'

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
