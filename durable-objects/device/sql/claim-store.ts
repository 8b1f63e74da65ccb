import { equalBytes } from '../../../src/protocol/bytes.ts'
import { decodeCbor, encodeCbor } from '../../../src/protocol/cbor.ts'
import {
  type Claim,
  type ClaimAnswer,
  type ClaimChoice,
  claimFromCbor,
  claimToCbor,
} from '../../../src/protocol/claims.ts'
import type { ClaimsOpen } from '../../../src/protocol/confirmations.ts'
import { type Debit, debitFromCbor, debitToCbor } from '../../../src/protocol/debits.ts'
import { CLAIMS_PER_NOTICE_MAX, DEBITS_PER_NOTICE_MAX, MANDATED_PER_NOTICE_MAX } from '../../../src/protocol/limits.ts'
import { type MandatedDebit, mandatedFromCbor, mandatedToCbor } from '../../../src/protocol/mandated.ts'
import { list } from '../../../src/protocol/shape.ts'
import { buffer } from './columns.ts'

/** SQL of the claims on the owner's wallet, and of what the owner answered. */
export interface KeptAnswer {
  readonly rev: number
  readonly choice: ClaimChoice
}

type About = Pick<ClaimAnswer, 'takerId' | 'counter' | 'contentHash'>

/** @returns the answer that was given to this claim, the first one */
export function findAnswer(sql: SqlStorage, { takerId, counter, contentHash }: About): KeptAnswer | undefined {
  const query = 'SELECT rev, choice FROM claim_answers WHERE taker_id = ? AND counter = ? AND content_hash = ?'
  return sql.exec<{ rev: number; choice: ClaimChoice }>(query, takerId, counter, buffer(contentHash)).toArray()[0]
}

/** Whether the holder was asked this, and has not answered here: what nobody asks would stay in the book for ever. */
export function isAsked(
  sql: SqlStorage,
  { takerId, counter, contentHash, amount }: ClaimAnswer,
  nowMs: number,
): boolean {
  return readTaken(sql, nowMs).claims.some(
    (claim) =>
      claim.takerId === takerId &&
      claim.counter === counter &&
      claim.amount === amount &&
      equalBytes(claim.contentHash, contentHash),
  )
}

/** SQL: answers, mandates and orders are numbered together, because the reconciler confirms either by its number alone. */
export const NEXT_REV = `(SELECT 1 + MAX(COALESCE((SELECT MAX(rev) FROM claim_answers), 0),
                                         COALESCE((SELECT MAX(rev) FROM mandates), 0),
                                         COALESCE((SELECT MAX(rev) FROM allowance_orders), 0)))`

/** SQL: what the device's facts are now, by which it was seen that the device may say so. */
export const FACTS_REV = '(SELECT rev FROM device)'

export function insertAnswer(sql: SqlStorage, answer: ClaimAnswer, signed: Uint8Array, nowMs: number): OwedAnswer {
  const { takerId, counter, contentHash, choice } = answer
  const insert = `INSERT INTO claim_answers (rev, taker_id, counter, content_hash, choice, answer, facts_rev, at)
    VALUES (${NEXT_REV}, ?, ?, ?, ?, ?, ${FACTS_REV}, ?) RETURNING rev, facts_rev`
  const values = [takerId, counter, buffer(contentHash), choice, buffer(signed), nowMs]
  const { rev, facts_rev: factsRev } = sql.exec<{ rev: number; facts_rev: number }>(insert, ...values).one()
  return { rev, signed, factsRev, atMs: nowMs }
}

export interface OwedAnswer {
  readonly rev: number
  readonly signed: Uint8Array
  /** The revision of the device's facts when it was taken. */
  readonly factsRev: number
  readonly atMs: number
}

export function readOwedAnswers(sql: SqlStorage, limit: number): OwedAnswer[] {
  const query = 'SELECT rev, answer, facts_rev, at FROM claim_answers WHERE recorded = 0 ORDER BY rev LIMIT ?'
  const rows = sql.exec<{ rev: number; answer: ArrayBuffer; facts_rev: number; at: number }>(query, limit).toArray()
  return rows.map(({ rev, answer, facts_rev: factsRev, at }) => {
    return { rev, signed: new Uint8Array(answer), factsRev, atMs: at }
  })
}

export const owedAnswers = (sql: SqlStorage): number =>
  sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM claim_answers WHERE recorded = 0').one().n

export function markAnswerRecorded(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE claim_answers SET recorded = 1 WHERE rev = ? AND recorded = 0', rev)
}

/** Older lists change nothing. */
export function writeTaken(sql: SqlStorage, { rev, claims, mandated, debits }: ClaimsOpen): void {
  sql.exec(
    `INSERT INTO taken_by_others (only, rev, claims, mandated, debits) VALUES (1, ?, ?, ?, ?)
     ON CONFLICT (only) DO UPDATE SET rev = excluded.rev, claims = excluded.claims, mandated = excluded.mandated,
       debits = excluded.debits
     WHERE rev < excluded.rev`,
    ...[rev, buffer(encodeCbor(claims.map(claimToCbor))), buffer(encodeCbor(mandated.map(mandatedToCbor)))],
    buffer(encodeCbor(debits.map(debitToCbor))),
  )
}

/** What others take from the owner's wallet. */
export interface Taken {
  /** Those that the owner has not answered on this device and that are open still. */
  readonly claims: readonly Claim[]
  /** The newest first. */
  readonly mandated: readonly MandatedDebit[]
  /** The newest first. */
  readonly debits: readonly Debit[]
}

export const NOTHING_TAKEN: Taken = { claims: [], mandated: [], debits: [] }

export function readTaken(sql: SqlStorage, nowMs: number): Taken {
  const query = 'SELECT claims, mandated, debits FROM taken_by_others'
  const [row] = sql.exec<{ claims: ArrayBuffer; mandated: ArrayBuffer; debits: ArrayBuffer }>(query).toArray()
  if (row === undefined) return NOTHING_TAKEN
  const claims = list(decodeCbor(new Uint8Array(row.claims)), 'claims', 0, CLAIMS_PER_NOTICE_MAX).map(claimFromCbor)
  const mandated = list(decodeCbor(new Uint8Array(row.mandated)), 'mandated', 0, MANDATED_PER_NOTICE_MAX)
  const debits = list(decodeCbor(new Uint8Array(row.debits)), 'debits', 0, DEBITS_PER_NOTICE_MAX)
  return {
    claims: claims.filter((claim) => claim.openUntilMs > nowMs && findAnswer(sql, claim) === undefined),
    mandated: mandated.map(mandatedFromCbor),
    debits: debits.map(debitFromCbor),
  }
}
