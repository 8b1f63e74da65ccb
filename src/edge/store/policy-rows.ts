import type { policies, policyProposals } from './schema.ts'

/** Rows as D1 has them, and as the Country Objects keep them. */
export type VersionRow = typeof policies.$inferSelect
export type ProposalRow = typeof policyProposals.$inferSelect
