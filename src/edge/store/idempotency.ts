import type { Once } from '../../../durable-objects/device/person.ts'
import { DAY_MS } from '../../protocol/time.ts'

/**
 * `Idempotency-Key` of writes that go to D1, or that guard which Device Object a write goes to. The row is written in the
 * batch that makes the change, so either both are there or neither.
 */
const KEPT_MS = 7 * DAY_MS

export type Stored =
  | { readonly kind: 'none' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'same'; answer: unknown }

export async function readAnswer(db: D1Database, actor: string, once: Once): Promise<Stored> {
  const row = await db
    .prepare('SELECT fingerprint, answer FROM offline_idempotency_keys WHERE actor = ? AND key = ?')
    .bind(actor, once.key)
    .first<{ fingerprint: string; answer: string | null }>()
  if (row === null) return { kind: 'none' }
  if (row.fingerprint !== once.fingerprint) return { kind: 'conflict' }
  return { kind: 'same', answer: row.answer === null ? null : JSON.parse(row.answer) }
}

export function answerInsert(
  db: D1Database,
  actor: string,
  once: Once,
  answer: unknown,
  nowMs: number,
): D1PreparedStatement {
  return db
    .prepare('INSERT INTO offline_idempotency_keys (actor, key, fingerprint, answer, at) VALUES (?, ?, ?, ?, ?)')
    .bind(actor, once.key, once.fingerprint, JSON.stringify(answer), nowMs)
}

/**
 * Takes the key for this request, for a change that a Device Object makes and answers for itself.
 *
 * @returns whether the key is this request's
 */
export async function claimKey(db: D1Database, actor: string, once: Once, nowMs: number): Promise<boolean> {
  const insert = db
    .prepare(
      `INSERT INTO offline_idempotency_keys (actor, key, fingerprint, answer, at) VALUES (?, ?, ?, NULL, ?)
        ON CONFLICT DO NOTHING`,
    )
    .bind(actor, once.key, once.fingerprint, nowMs)
  await insert.run()
  return (await readAnswer(db, actor, once)).kind === 'same'
}

/** Gives a key back: what it was taken for was refused, and changed nothing. */
export async function releaseKey(db: D1Database, actor: string, once: Once): Promise<void> {
  await db
    .prepare('DELETE FROM offline_idempotency_keys WHERE actor = ? AND key = ? AND fingerprint = ? AND answer IS NULL')
    .bind(actor, once.key, once.fingerprint)
    .run()
}

/**
 * Makes a change in one batch with everything that belongs to it.
 *
 * @returns false when something of it was there already, and nothing was written: the same request at the same time, or
 *   another change that took the place
 */
export async function commit(db: D1Database, statements: readonly D1PreparedStatement[]): Promise<boolean> {
  try {
    await db.batch([...statements])
    return true
  } catch (error) {
    if (error instanceof Error && error.message.includes('UNIQUE constraint failed')) return false
    throw error
  }
}

/** Drops what is too old to be repeated. */
export async function forgetAnswers(db: D1Database, nowMs: number): Promise<void> {
  await db
    .prepare('DELETE FROM offline_idempotency_keys WHERE at < ?')
    .bind(nowMs - KEPT_MS)
    .run()
}
