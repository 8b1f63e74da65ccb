import type { ClaimChoice, SignedClaimAnswer } from '../../../src/protocol/claims.ts'
import { localId } from '../../../src/protocol/ids.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { answerMessageOf } from '../owed/owed.ts'
import type { Actor } from '../person.ts'
import { writeAuditRecord } from '../sql/audit-store.ts'
import { findAnswer, insertAnswer, isAsked, owedAnswers } from '../sql/claim-store.ts'
import { readDevice, takeRoom } from '../sql/device-store.ts'
import type { HolderRefusal, TakenWord } from './holders-word.ts'
import { faultOfPayer } from './payer.ts'

/**
 * The owner's answers to claims on the owner's wallet. They are kept and owed to the reconciler like all that is owed: it
 * verifies them again with its own registry and carries them out. Only what the object was told of is answered. The first answer
 * to a claim stands; the same choice again changes nothing, another one is refused.
 */

/** Answers that the reconciler has not confirmed. Whoever has more does not answer what people ask. */
const UNCONFIRMED_MAX = 200

/**
 * @param signed an answer whose signature the Worker has verified, with a copy of the device's facts
 * @param encoded its very bytes
 * @returns the choice that stands
 *
 * Call it within a storage transaction.
 */
export function keepAnswer(
  sql: SqlStorage,
  signed: SignedClaimAnswer,
  encoded: Uint8Array,
  by: Actor,
  nowMs: number,
): Result<TakenWord<ClaimChoice>, HolderRefusal> {
  const { answer, claims } = signed
  const device = readDevice(sql)
  const fault = faultOfPayer(device, claims, nowMs)
  if (fault !== undefined) return err(fault)
  const known = findAnswer(sql, answer)
  if (known !== undefined) {
    return known.choice === answer.choice ? ok({ stands: known.choice, kept: undefined }) : err('state_conflict')
  }
  if (!isAsked(sql, answer, nowMs)) return err('state_conflict')
  if (owedAnswers(sql) >= UNCONFIRMED_MAX || !takeRoom(sql, encoded.length, nowMs)) return err('rate_limited')
  const owed = insertAnswer(sql, answer, encoded, nowMs)
  const detail = { rev: owed.rev, claim: localId(answer.takerId, answer.counter), choice: answer.choice }
  const audit = writeAuditRecord(sql, nowMs, by, 'claim_answered', detail)
  return ok({ stands: answer.choice, kept: { message: answerMessageOf(device, owed), audit } })
}
