import type pg from 'pg'
import { verifySign1 } from '../../src/crypto/sign1.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { type ClaimChoice, parseClaimAnswer, type SignedClaimAnswer } from '../../src/protocol/claims.ts'
import { localId } from '../../src/protocol/ids.ts'
import type { ClaimAnswerMessage } from '../../src/protocol/messages.ts'
import { parse } from '../../src/protocol/parse.ts'
import { record } from '../audit.ts'
import { transact } from '../db.ts'
import { lockPending, markDone } from '../pull/inbox.ts'
import { lockDevices } from '../registry/lock-devices.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { hadConsent, type Standing, standingOf } from '../registry/standing.ts'

/**
 * Holders' answers to claims: inbox → `offline_claim_answers`. The edge has signed that it took the answer; whose it is this
 * side finds out itself, by its own registry. Applied is whatever is due (claims.ts), so neither the order of messages nor a
 * process that dies in between can lose an answer.
 */
export type AnswerFault =
  /** Not known yet, or not as the edge had it: the device's facts come on the same queue, in any order. */
  'unknown_device' | 'malformed_answer' | 'wrong_device' | 'invalid_signature' | 'answer_conflict'

/** @returns why nobody may obey it, or undefined when it is recorded */
export async function recordAnswer(
  pool: pg.Pool,
  inboxId: number,
  message: ClaimAnswerMessage,
  at: Date,
): Promise<AnswerFault | undefined> {
  const parsed = parse(() => parseClaimAnswer(message.answer))
  if (!parsed.ok) return 'malformed_answer'
  const signed = parsed.value
  if (signed.claims.deviceId !== message.deviceId) return 'wrong_device'
  return transact(pool, async (client) => {
    if (!(await lockPending(client, [inboxId])).has(inboxId)) return undefined
    await lockDevices(client, [message.deviceId])
    const registry = await loadDevices(client, [message.deviceId])
    const fault = await faultOfAnswer(signed, registry)
    if (fault !== undefined) return fault
    const standing = standingOf(registry, { ...message, kid: signed.claims.kid }, at.getTime())
    if (standing === 'awaited') return 'unknown_device'
    if (!(await insertAnswer(client, message, signed, standing, at))) return 'answer_conflict'
    await markDone(client, [inboxId], at)
    return undefined
  })
}

/** @returns why it is not signed by the device that it names */
export async function faultOfAnswer(
  signed: SignedClaimAnswer,
  registry: Registry,
): Promise<'unknown_device' | 'invalid_signature' | undefined> {
  const { deviceId, kid, alg } = signed.claims
  const key = registry.get(deviceId)?.keys.get(toHex(kid))
  if (key === undefined) return 'unknown_device'
  const holds = key.alg === alg && (await verifySign1(key.verifier, signed, 'molam-claim-answer-v1'))
  return holds ? undefined : 'invalid_signature'
}

/** Whether it is signed by a device of its wallet's holder: one that there was consent for. */
export const isHoldersAnswer = async (signed: SignedClaimAnswer, registry: Registry): Promise<boolean> =>
  hadConsent(registry.get(signed.claims.deviceId), signed.claims.kid) &&
  (await faultOfAnswer(signed, registry)) === undefined

/** A row of `offline_claim_answers` with the signed answer that it was made of. */
export interface AnswerEvidence {
  readonly payer_device_id: string
  readonly device_id: string
  readonly counter: number
  readonly content_hash: Uint8Array
  readonly amount_minor: number
  readonly choice: ClaimChoice
  readonly payer_wallet: string
  readonly answer: Uint8Array
}

/** Whether a device of the wallet has signed what the row says: whoever may write rows must not be able to say somebody's yes. */
export async function isSignedAnswer(row: AnswerEvidence, registry: Registry): Promise<boolean> {
  const parsed = parse(() => parseClaimAnswer(new Uint8Array(row.answer)))
  if (!parsed.ok) return false
  const { answer, claims } = parsed.value
  return (
    claims.deviceId === row.payer_device_id &&
    answer.takerId === row.device_id &&
    answer.counter === row.counter &&
    answer.amount === row.amount_minor &&
    answer.choice === row.choice &&
    equalBytes(answer.contentHash, new Uint8Array(row.content_hash)) &&
    registry.get(claims.deviceId)?.ownerWallet === row.payer_wallet &&
    (await isHoldersAnswer(parsed.value, registry))
  )
}

/** What is nobody's word is kept, and counts for nothing. @returns whether the device's answer with this number is this one */
async function insertAnswer(
  client: pg.ClientBase,
  { deviceId, rev, answer: encoded }: ClaimAnswerMessage,
  { answer }: SignedClaimAnswer,
  standing: Exclude<Standing, 'awaited'>,
  at: Date,
): Promise<boolean> {
  const { takerId, counter, contentHash, amount, choice } = answer
  const { rowCount } = await client.query(
    `INSERT INTO offline_claim_answers (payer_device_id, rev, device_id, counter, content_hash, amount_minor, choice,
       payer_wallet, answer, recorded_at, result, closed_at)
     SELECT device_id, $2, $3, $4, $5, $6, $7, owner_wallet, $8, $9, $10::text, CASE WHEN $10 IS NOT NULL THEN $9::timestamptz END
     FROM offline_devices WHERE device_id = $1
     ON CONFLICT (payer_device_id, rev) DO NOTHING`,
    [
      ...[deviceId, rev, takerId, counter, Buffer.from(contentHash), amount, choice, Buffer.from(encoded), at],
      standing === 'nobody' ? 'not_authorised' : null,
    ],
  )
  if (rowCount === 1) {
    const detail = { rev, claim: localId(takerId, counter), choice }
    await record(client, [{ deviceId, action: 'claim_answered', detail }], at)
    return true
  }
  const { rows } = await client.query<{ answer: Uint8Array }>(
    'SELECT answer FROM offline_claim_answers WHERE payer_device_id = $1 AND rev = $2',
    [deviceId, rev],
  )
  return rows[0] !== undefined && equalBytes(new Uint8Array(rows[0].answer), encoded)
}
