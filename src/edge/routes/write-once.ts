import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Person } from '../../../durable-objects/device/person.ts'
import type { Result } from '../../protocol/result.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { logger } from '../log.ts'
import { answerInsert, commit, readAnswer } from '../store/idempotency.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'

/** A change that D1 itself holds, ready to be made. */
export interface Write {
  readonly answer: object
  readonly statements: readonly D1PreparedStatement[]
  /** What is said when somebody else took its place meanwhile. */
  readonly taken: 'version_conflict' | 'state_conflict'
  /** Tells whoever keeps it beside D1, once it is made. When that fails, the next who reads it from D1 does. */
  readonly keep: () => Promise<unknown>
}

/**
 * Makes a change in one batch with its stored answer: the same request again gets the answer of the first time, and what
 * came at the same time and lost changes nothing.
 *
 * @param prepare decides, and writes nothing
 */
export async function writeOnce(
  c: Context<App>,
  { actor, once }: Person,
  status: ContentfulStatusCode,
  prepare: (nowMs: number) => Promise<Result<Write, Refusal>>,
): Promise<Response> {
  const db = c.env.DB
  const stored = once && (await readAnswer(db, actor, once))
  if (stored?.kind === 'conflict') return refuse(c, { code: 'idempotency_conflict' })
  if (stored?.kind === 'same') return c.json(stored.answer as object, status)
  const nowMs = Date.now()
  const prepared = await prepare(nowMs)
  // Of two at once the other one may have made the change between the look for its answer and the decision.
  if (!prepared.ok) return (await answeredMeanwhile()) ?? refuse(c, prepared.error)
  const { answer, statements, taken, keep } = prepared.value
  const kept = once ? [answerInsert(db, actor, once, answer, nowMs)] : []
  if (await commit(db, [...statements, ...kept])) {
    await keep().catch((error) => logger.warn('a change is kept in D1 alone for now', { error }))
    return c.json(answer, status)
  }
  return (await answeredMeanwhile()) ?? refuse(c, { code: taken })

  async function answeredMeanwhile(): Promise<Response | undefined> {
    const again = once && (await readAnswer(db, actor, once))
    if (again?.kind === 'same') return c.json(again.answer as object, status)
    return again?.kind === 'conflict' ? refuse(c, { code: 'idempotency_conflict' }) : undefined
  }
}
