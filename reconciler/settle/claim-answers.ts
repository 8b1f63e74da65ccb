import type pg from 'pg'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { equalBytes } from '../../src/protocol/bytes.ts'
import {
  type ClaimAnswer,
  type ClaimChoice,
  parseClaimAnswer,
  type SignedClaimAnswer,
} from '../../src/protocol/claims.ts'
import { localId } from '../../src/protocol/ids.ts'
import type { ClaimAnswerMessage } from '../../src/protocol/messages.ts'
import type { AuditRecord } from '../audit.ts'
import type { TakenWord, WordKind, WordRow, WordRows } from './holders-word.ts'
import { isSignedResolution, RESOLUTION_EVIDENCE, type ResolutionEvidence } from './signed-resolution.ts'

/**
 * Holders' answers to claims: inbox → `offline_claim_answers` (holders-word.ts). Applied is whatever is due (claims.ts), so neither
 * the order of messages nor a process that dies in between can lose an answer.
 */
export const CLAIM_ANSWERS: WordKind<ClaimAnswerMessage, SignedClaimAnswer> & WordRows<SignedClaimAnswer, AnswerRow> = {
  name: 'claim_answer',
  aad: 'molam-claim-answer-v1',
  table: 'offline_claim_answers',
  column: 'answer',
  faults: { malformed: 'malformed_answer', conflict: 'answer_conflict' },
  signedIn: ({ answer }) => answer,
  aboutIn: ({ answer }) => answer.takerId,
  parse: parseClaimAnswer,
  insert: insertAnswer,
  signedOf: ({ answer }) => new Uint8Array(answer),
  walletOf: ({ payer_wallet }) => payer_wallet,
  says: ({ answer }, row) =>
    answer.takerId === row.device_id &&
    answer.counter === row.counter &&
    answer.amount === row.amount_minor &&
    answer.choice === row.choice &&
    equalBytes(answer.contentHash, new Uint8Array(row.content_hash)),
}

/** A row of `offline_claim_answers` with the signed answer that it was made of. */
export interface AnswerRow extends WordRow {
  readonly device_id: string
  readonly counter: number
  readonly content_hash: Uint8Array
  readonly amount_minor: number
  readonly choice: ClaimChoice
  readonly payer_wallet: string
  readonly answer: Uint8Array
}

async function insertAnswer(
  client: pg.ClientBase,
  { deviceId, rev, answer: encoded }: ClaimAnswerMessage,
  { answer }: SignedClaimAnswer,
  { isHolders, trusted, at }: TakenWord,
): Promise<AuditRecord | undefined> {
  const { takerId, counter, contentHash, amount, choice } = answer
  const isOver = isHolders && (await isRevoked(client, answer, trusted))
  const { rowCount } = await client.query(
    `INSERT INTO offline_claim_answers (payer_device_id, rev, device_id, counter, content_hash, amount_minor, choice,
       payer_wallet, answer, recorded_at, result, closed_at)
     SELECT device_id, $2, $3, $4, $5, $6, $7, owner_wallet, $8, $9, $10::text, CASE WHEN $10 IS NOT NULL THEN $9::timestamptz END
     FROM offline_devices WHERE device_id = $1
     ON CONFLICT (payer_device_id, rev) DO NOTHING`,
    [
      ...[deviceId, rev, takerId, counter, Buffer.from(contentHash), amount, choice, Buffer.from(encoded), at],
      isHolders ? (isOver ? 'not_claimed' : null) : 'not_authorised',
    ],
  )
  const detail = { rev, claim: localId(takerId, counter), choice }
  return rowCount === 1 ? { deviceId, action: 'claim_answered', detail } : undefined
}

/** Whether the book has heard that the claim's device was revoked: an answer that comes after that is too late. */
async function isRevoked(
  client: pg.ClientBase,
  { takerId, counter }: ClaimAnswer,
  trusted: readonly TrustedKey[],
): Promise<boolean> {
  const { rows } = await client.query<ResolutionEvidence>(
    `SELECT ${RESOLUTION_EVIDENCE} FROM offline_resolutions
     WHERE device_id = $1 AND counter = $2 AND choice = 'revoke'`,
    [takerId, counter],
  )
  // A row that the edge has not signed is nobody's word, and keeps no payer's from counting.
  for (const row of rows) if (await isSignedResolution(row, trusted)) return true
  return false
}
