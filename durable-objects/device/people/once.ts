import { ok, type Result } from '../../../src/protocol/result.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import type { Person } from '../person.ts'

/** How long the answer to a write is kept for its repetition. */
const KEPT_MS = 7 * DAY_MS

/** @returns whether a request of this person was answered under this key, be it this one or another */
export const isKnownKey = (sql: SqlStorage, { actor, once }: Person): boolean =>
  once !== undefined && readAnswer(sql, actor, once.key) !== undefined

/** @returns whether this very request was made and answered before */
export function hasAnswered(sql: SqlStorage, { actor, once }: Person): boolean {
  return once !== undefined && readAnswer(sql, actor, once.key)?.fingerprint === once.fingerprint
}

function readAnswer(sql: SqlStorage, actor: string, key: string) {
  return sql
    .exec<{ fingerprint: string; answer: string }>(
      'SELECT fingerprint, answer FROM answers WHERE actor = ? AND key = ?',
      ...[actor, key],
    )
    .toArray()[0]
}

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
  const known = readAnswer(sql, actor, once.key)
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
