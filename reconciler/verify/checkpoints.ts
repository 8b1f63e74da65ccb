import type { CryptoKey } from 'jose'
import type pg from 'pg'
import type { Finding } from './check.ts'
import { CheckpointsBroken, readCheckpoints, readTotals } from './checkpoint.ts'

const NAME = 'audit_checkpoints'
const PROMISE = 'the audit chains still hold what the checkpoints of earlier days saw at their ends'

/** Holds the database against the file of checkpoints: what was rewritten as a whole, or cut off, shows here. */
export async function checkCheckpoints(
  client: pg.ClientBase,
  file: string,
  key: CryptoKey,
  examplesMax: number,
): Promise<Finding> {
  const finding = (found: number, examples: readonly object[], note = ''): Finding => ({
    check: NAME,
    promise: `${PROMISE}${note}`,
    found,
    examples,
  })
  let saved: Awaited<ReturnType<typeof readCheckpoints>>
  try {
    saved = await readCheckpoints(file, key)
  } catch (error) {
    if (error instanceof CheckpointsBroken) return finding(1, [{ file, fault: error.message }])
    throw error
  }
  // A file that is not there must not pass for one in which nothing is wrong.
  if (saved.last === undefined) return finding(1, [{ file, fault: 'there are no checkpoints in it' }])

  const { rows: streams } = await client.query<{ stream: string; seq: number; fault: string }>(
    `SELECT h.stream, h.seq, CASE WHEN l.hash IS NULL THEN 'missing' ELSE 'another record' END AS fault
     FROM unnest($1::text[], $2::bigint[], $3::text[]) AS h (stream, seq, hash)
     LEFT JOIN offline_audit_logs l ON l.stream = h.stream AND l.seq = h.seq
     WHERE encode(l.hash, 'hex') IS DISTINCT FROM h.hash ORDER BY h.stream`,
    [saved.heads.map(([stream]) => stream), saved.heads.map(([, seq]) => seq), saved.heads.map(([, , hash]) => hash)],
  )
  const now = await readTotals(client)
  const shrunk = Object.entries(saved.last.totals)
    .filter(([table, before]) => (now[table] ?? 0) < before)
    .map(([table, before]) => ({ table, rows: now[table] ?? 0, at_the_checkpoint: before }))
  const wrong = [...streams, ...shrunk]
  return finding(wrong.length, wrong.slice(0, examplesMax), ` (${saved.lines} lines, the last of ${saved.last.at})`)
}
