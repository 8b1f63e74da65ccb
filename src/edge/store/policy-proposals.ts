import { and, desc, eq, lt } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { macHolds, macOf } from '../../crypto/mac.ts'
import type { Country } from '../../protocol/policy.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { alarm } from '../metrics/alarm.ts'
import type { PolicyChanges } from '../policies/change.ts'
import { type Decision, type Proposal, type ProposalState, proposalFields } from '../policies/proposal.ts'
import { policyProposals } from './schema.ts'

/** Proposals in D1, each with a MAC: the second person agrees to what the first one wrote, or to nothing. */
type Settings = Pick<Env, 'DB'>
type Row = typeof policyProposals.$inferSelect
export type StoredProposal = Proposal & Decision

export async function proposalInsert(env: Settings, proposal: Proposal): Promise<D1PreparedStatement> {
  const {
    id,
    country,
    afterVersion,
    basedOn,
    changes,
    effectiveAtMs = null,
    reason,
    proposedBy,
    proposedAtMs,
  } = proposal
  const mac = await macOf(await configOf(env).macKey('policy_proposal'), proposalFields(proposal))
  return env.DB.prepare(
    `INSERT INTO offline_policy_proposals (id, country, after_version, based_on, changes, effective_at, reason,
      proposed_by, proposed_at, mac, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`,
  ).bind(
    ...[id, country, afterVersion, basedOn, JSON.stringify(changes), effectiveAtMs],
    ...[reason, proposedBy, proposedAtMs, mac],
  )
}

/** Fails as a whole when it was decided already: a trigger lets each be decided once. */
export function proposalDecide(
  db: D1Database,
  id: string,
  state: Exclude<ProposalState, 'open'>,
  by: string,
  nowMs: number,
): D1PreparedStatement {
  return db
    .prepare('UPDATE offline_policy_proposals SET state = ?, decided_by = ?, decided_at = ? WHERE id = ?')
    .bind(state, by, nowMs, id)
}

export async function readProposal(env: Settings, id: string): Promise<StoredProposal | undefined> {
  const rows = await drizzle(env.DB).select().from(policyProposals).where(eq(policyProposals.id, id))
  return (await believed(env, rows))[0]
}

/** The newest first. @param before the id of the last one of the page before */
export async function listProposals(
  env: Settings,
  filter: { readonly country: Country | undefined; readonly state: ProposalState | undefined },
  before: string | undefined,
  limit: number,
): Promise<{ readonly proposals: readonly StoredProposal[]; readonly next: string | undefined }> {
  const { country, state } = filter
  const rows = await drizzle(env.DB)
    .select()
    .from(policyProposals)
    .where(
      and(
        country && eq(policyProposals.country, country),
        state && eq(policyProposals.state, state),
        before === undefined ? undefined : lt(policyProposals.id, before),
      ),
    )
    .orderBy(desc(policyProposals.id))
    .limit(limit + 1)
  const shown = rows.slice(0, limit)
  return { proposals: await believed(env, shown), next: rows.length > limit ? shown.at(-1)?.id : undefined }
}

async function believed(env: Settings, rows: readonly Row[]): Promise<readonly StoredProposal[]> {
  const key = await configOf(env).macKey('policy_proposal')
  const found = await Promise.all(
    rows.map(async (row) => {
      const proposal = proposalOf(row)
      if (proposal !== undefined && (await macHolds(key, row.mac, proposalFields(proposal)))) return proposal
      alarm('policy_proposal', 'a proposal of a policy that we did not write', { id: row.id })
      return undefined
    }),
  )
  return found.filter((proposal) => proposal !== undefined)
}

/** @returns undefined when it cannot be one */
function proposalOf({ mac, changes, effectiveAt, proposedAt, decidedAt, ...row }: Row): StoredProposal | undefined {
  const times = { effectiveAtMs: effectiveAt ?? undefined, proposedAtMs: proposedAt, decidedAtMs: decidedAt }
  try {
    return { ...row, ...times, changes: JSON.parse(changes) as PolicyChanges }
  } catch {
    return undefined
  }
}
