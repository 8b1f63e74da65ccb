import type { MacFields } from '../../crypto/mac.ts'
import type { AskedChange } from './change.ts'

/** A change that one person of the admin role proposed; another one puts it in force. */
export interface Proposal extends AskedChange {
  /** ULID text. */
  readonly id: string
  readonly reason: string
  readonly proposedBy: string
  readonly proposedAtMs: number
}

export const PROPOSAL_STATES = ['open', 'in_force', 'withdrawn'] as const
export type ProposalState = (typeof PROPOSAL_STATES)[number]

/** What became of it. */
export interface Decision {
  readonly state: ProposalState
  readonly decidedBy: string | null
  readonly decidedAtMs: number | null
}

/** Everything that the second person agrees to, and what became of it. */
export const proposalFields = (proposal: Proposal & Decision): MacFields => [
  ...[proposal.id, proposal.country, proposal.afterVersion, proposal.basedOn, JSON.stringify(proposal.changes)],
  ...[proposal.effectiveAtMs ?? null, proposal.reason, proposal.proposedBy, proposal.proposedAtMs],
  ...[proposal.state, proposal.decidedBy, proposal.decidedAtMs],
]
