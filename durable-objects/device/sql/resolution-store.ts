import type { ReviewEnd } from '../../../src/protocol/messages.ts'
import type { Resolution } from '../ballot.ts'
import { allOf, blob, type Columns, fieldsOf, insertInto, json, jsonAs, plain, rowsOf } from './columns.ts'

/** SQL of the resolutions of people, which are owed to the reconciler until it has recorded them. */
const columns: Columns<Resolution> = {
  rev: plain('rev'),
  kind: plain('kind'),
  bundleId: blob('bundle_id'),
  seq: plain('seq'),
  choices: jsonAs(
    'choices',
    (choices): [number, ReviewEnd][] => choices.map(({ counter, choice }) => [counter, choice]),
    (choices) => choices.map(([counter, choice]) => ({ counter, choice })),
  ),
  reason: plain('reason'),
  atMs: plain('at'),
  actors: json('actors'),
}
const RESOLUTION = allOf(columns)
const NEW = fieldsOf(columns, ['kind', 'bundleId', 'seq', 'choices', 'reason', 'atMs', 'actors'])
const INSERT = `${insertInto('resolutions', NEW)} RETURNING rev`

/** @returns it with the number that the insert gave it */
export function insertResolution(sql: SqlStorage, resolution: Omit<Resolution, 'rev'>): Resolution {
  return { ...resolution, rev: sql.exec<{ rev: number }>(INSERT, ...NEW.encode(resolution)).one().rev }
}

/** @returns whether it was owed until now */
export function markResolutionRecorded(sql: SqlStorage, rev: number): boolean {
  return sql.exec('UPDATE resolutions SET recorded = 1 WHERE rev = ? AND recorded = 0', rev).rowsWritten > 0
}

export function readOwedResolutions(sql: SqlStorage, limit: number): Resolution[] {
  const query = `SELECT ${RESOLUTION.names} FROM resolutions WHERE recorded = 0 ORDER BY rev LIMIT ?`
  return rowsOf(sql, query, limit).map(RESOLUTION.decode)
}

const CHOICES = fieldsOf(columns, ['choices'])

/** Counters of a bundle whose reversal is resolved. */
export function readUndone(sql: SqlStorage, seq: number): ReadonlySet<number> {
  const query = "SELECT choices FROM resolutions WHERE seq = ? AND kind = 'reversal'"
  const reversals = rowsOf(sql, query, seq).map(CHOICES.decode)
  return new Set(reversals.flatMap(({ choices }) => choices.map(({ counter }) => counter)))
}
