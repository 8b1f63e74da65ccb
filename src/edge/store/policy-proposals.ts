import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { macHolds, macOf } from '../../crypto/mac.ts'
import type { Country } from '../../protocol/policy.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { alarm } from '../metrics/alarm.ts'
import type { PolicyChanges } from '../policies/change.ts'
import { type Decision, type Proposal, type ProposalState, proposalFields } from '../policies/proposal.ts'
import { keepProposals } from './countries.ts'
import { commit } from './idempotency.ts'
import type { ProposalRow } from './policy-rows.ts'
import { policyProposals } from './schema.ts'

/**
 * Proposals, each with a MAC over all that it says: the second person agrees to what the first one wrote, or to nothing. They are
 * made and decided in D1, which lets each be decided once, and kept by the Country Objects: one that is gone from D1, or stands
 * there otherwise, is shown all the same, and its row is written again.
 */
type Settings = Pick<Env, 'DB' | 'COUNTRY'>
export type StoredProposal = Proposal & Decision

export async function proposalRow(env: Pick<Env, 'DB'>, proposal: StoredProposal): Promise<ProposalRow> {
  const { changes, effectiveAtMs = null, proposedAtMs, decidedAtMs, ...fields } = proposal
  const mac = await macOf(await configOf(env).macKey('policy_proposal'), proposalFields(proposal))
  const times = { effectiveAt: effectiveAtMs, proposedAt: proposedAtMs, decidedAt: decidedAtMs }
  return { ...fields, ...times, changes: JSON.stringify(changes), mac }
}

export function proposalInsert(db: D1Database, row: ProposalRow): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO offline_policy_proposals (id, country, after_version, based_on, changes, effective_at, reason,
        proposed_by, proposed_at, mac, state, decided_by, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(
      ...[row.id, row.country, row.afterVersion, row.basedOn, row.changes, row.effectiveAt, row.reason],
      ...[row.proposedBy, row.proposedAt, row.mac, row.state, row.decidedBy, row.decidedAt],
    )
}

/** Fails as a whole when it was decided already: a trigger lets each be decided once. */
export function proposalDecide(db: D1Database, { id, state, decidedBy, decidedAt, mac }: ProposalRow) {
  return db
    .prepare('UPDATE offline_policy_proposals SET state = ?, decided_by = ?, decided_at = ?, mac = ? WHERE id = ?')
    .bind(state, decidedBy, decidedAt, mac, id)
}

/** It was made or decided. */
export async function keepProposal(env: Settings, row: ProposalRow): Promise<void> {
  await keepProposals(env, row.country, [row], { id: row.id }, 1)
}

export async function readProposal(env: Settings, id: string): Promise<StoredProposal | undefined> {
  const [row] = await listed(env, undefined, await believed(env, await readRows(env.DB, [id])), { id }, 1)
  return row && proposalOf(row)
}

/** The newest first. @param before the id of the last one of the page before */
export async function listProposals(
  env: Settings,
  { country, state }: { readonly country: Country | undefined; readonly state: ProposalState | undefined },
  before: string | undefined,
  limit: number,
): Promise<{ readonly proposals: readonly StoredProposal[]; readonly next: string | undefined }> {
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
  const found = await listed(env, country, await believed(env, rows), { state, before }, limit)
  const proposals = found.slice(0, limit)
  return {
    proposals: proposals.flatMap((row) => proposalOf(row) ?? []),
    next: found.length > limit ? proposals.at(-1)?.id : undefined,
  }
}

/** Those that the Country Objects keep, with these of D1. What they keep otherwise D1 is asked about once more. */
async function listed(
  env: Settings,
  country: Country | undefined,
  inD1: readonly ProposalRow[],
  filter: { readonly id?: string; readonly state?: ProposalState | undefined; readonly before?: string | undefined },
  limit: number,
): Promise<readonly ProposalRow[]> {
  const first = await keepProposals(env, country, inD1, filter, limit)
  const same = new Set(inD1.map(({ mac }) => mac))
  const others = first.filter(({ mac }) => !same.has(mac))
  if (others.length === 0) return first
  // Decided meanwhile, or its object was not told.
  const known = await readRows(
    env.DB,
    others.map(({ id }) => id),
  )
  const right = await believed(env, known)
  const kept = await keepProposals(env, country, [...inD1, ...right], filter, limit)
  for (const row of kept) {
    if (same.has(row.mac) || right.some(({ mac }) => mac === row.mac)) continue
    await writeAgain(
      env.DB,
      row,
      known.find(({ id }) => id === row.id),
    )
  }
  return kept
}

const readRows = (db: D1Database, ids: readonly string[]): Promise<readonly ProposalRow[]> =>
  drizzle(db)
    .select()
    .from(policyProposals)
    .where(sql`${policyProposals.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`)

/** @param instead what stands in its place, which goes as it was looked at: another may have been decided meanwhile */
async function writeAgain(db: D1Database, row: ProposalRow, instead: ProposalRow | undefined): Promise<void> {
  const { id } = row
  alarm('hidden', 'a proposal of a policy is gone from D1, or stands there otherwise; it is written again', { id })
  await commit(db, [
    db.prepare('INSERT INTO offline_removals (why) VALUES (?)').bind(id),
    db
      .prepare('DELETE FROM offline_policy_proposals WHERE id = ? AND state = ? AND mac = ?')
      .bind(id, instead?.state ?? '', instead?.mac ?? ''),
    proposalInsert(db, row),
    db.prepare('DELETE FROM offline_removals'),
  ])
}

async function believed(env: Settings, rows: readonly ProposalRow[]): Promise<readonly ProposalRow[]> {
  const key = await configOf(env).macKey('policy_proposal')
  const found = await Promise.all(
    rows.map(async (row) => {
      const proposal = proposalOf(row)
      if (proposal !== undefined && (await macHolds(key, row.mac, proposalFields(proposal)))) return row
      alarm('policy_proposal', 'a proposal of a policy that we did not write', { id: row.id })
      return undefined
    }),
  )
  return found.filter((row) => row !== undefined)
}

/** @returns undefined when it cannot be one */
function proposalOf({
  mac,
  changes,
  effectiveAt,
  proposedAt,
  decidedAt,
  ...row
}: ProposalRow): StoredProposal | undefined {
  const times = { effectiveAtMs: effectiveAt ?? undefined, proposedAtMs: proposedAt, decidedAtMs: decidedAt }
  try {
    return { ...row, ...times, changes: JSON.parse(changes) as PolicyChanges }
  } catch {
    return undefined
  }
}
