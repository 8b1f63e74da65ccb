import type { ProposalRow, VersionRow } from '../../src/edge/store/policy-rows.ts'
import { whereOf } from './terms.ts'

/**
 * SQL of what people made of the country's policy: the versions that the edge signed, and the proposals under their MACs. D1 is where
 * they are made, and its rows are the locks; here they are kept, so that none of them can be taken away there. The Worker verifies
 * what it brings and what it gets.
 */
const KEEP_VERSION = 'INSERT INTO versions (version, signed) VALUES (?, ?) ON CONFLICT DO NOTHING'

/** @returns the newest of all that are kept, these included */
export function keepVersions(
  sql: SqlStorage,
  rows: readonly Pick<VersionRow, 'version' | 'signed'>[],
  limit: number,
): readonly Pick<VersionRow, 'version' | 'signed'>[] {
  for (const { version, signed } of rows) sql.exec(KEEP_VERSION, version, new Uint8Array(signed).buffer)
  return sql
    .exec<{ version: number; signed: ArrayBuffer }>(
      'SELECT version, signed FROM versions ORDER BY version DESC LIMIT ?',
      limit,
    )
    .toArray()
    .map(({ version, signed }) => ({ version, signed: new Uint8Array(signed) }))
}

export interface ProposalFilter {
  /** Undefined: any. */
  readonly id?: string | undefined
  readonly state?: ProposalRow['state'] | undefined
  /** The id of the last one of the page before. */
  readonly before?: string | undefined
}

/** What was decided stays so. */
const KEEP_PROPOSAL = `
  INSERT INTO proposals (id, state, proposal) VALUES (?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET state = excluded.state, proposal = excluded.proposal
  WHERE proposals.state = 'open' AND excluded.state <> 'open'`

/** @returns the newest of all that are kept, these included, and one more than the limit when there are more */
export function keepProposals(
  sql: SqlStorage,
  rows: readonly ProposalRow[],
  { id, state, before }: ProposalFilter,
  limit: number,
): readonly ProposalRow[] {
  for (const row of rows) sql.exec(KEEP_PROPOSAL, row.id, row.state, JSON.stringify(row))
  const { where, values } = whereOf([
    ['id = ?', id],
    ['state = ?', state],
    ['id < ?', before],
  ])
  return sql
    .exec<{ proposal: string }>(
      `SELECT proposal FROM proposals ${where} ORDER BY id DESC LIMIT ?`,
      ...values,
      limit + 1,
    )
    .toArray()
    .map(({ proposal }) => JSON.parse(proposal) as ProposalRow)
}
