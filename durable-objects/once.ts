import { ok, type Result } from '../src/protocol/result.ts'
import type { Person } from './types.ts'

/** How long the answer to a write is kept for its repetition. */
const KEPT_MS = 7 * 86_400_000

/**
 * Makes a change once for each `Idempotency-Key` of a person: the answer is written in the transaction that makes the
 * change. The same key with another request is refused. What was refused changed nothing and is judged anew.
 *
 * Call it within a storage transaction.
 */
export function once<T, E>(
  sql: SqlStorage,
  { actor, once }: Person,
  nowMs: number,
  change: () => Result<T, E>,
): Result<T, E | 'idempotency_conflict'> {
  if (once === undefined) return change()
  const known = sql
    .exec<{ fingerprint: string; answer: string }>(
      'SELECT fingerprint, answer FROM answers WHERE actor = ? AND key = ?',
      actor,
      once.key,
    )
    .toArray()[0]
  if (known !== undefined) {
    if (known.fingerprint !== once.fingerprint) return { ok: false, error: 'idempotency_conflict' }
    return ok(JSON.parse(known.answer) as T)
  }
  const result = change()
  if (!result.ok) return result
  sql.exec('DELETE FROM answers WHERE at < ?', nowMs - KEPT_MS)
  sql.exec(
    'INSERT INTO answers (actor, key, fingerprint, answer, at) VALUES (?, ?, ?, ?, ?)',
    ...[actor, once.key, once.fingerprint, JSON.stringify(result.value), nowMs],
  )
  return result
}
