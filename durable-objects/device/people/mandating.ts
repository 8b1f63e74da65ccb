import { equalBytes } from '../../../src/protocol/bytes.ts'
import type { SignedMandate } from '../../../src/protocol/mandates.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { mandateMessageOf } from '../owed/owed.ts'
import type { Actor } from '../person.ts'
import { writeAuditRecord } from '../sql/audit-store.ts'
import { readDevice, takeRoom } from '../sql/device-store.ts'
import { insertMandate, newestMandate, owedMandates } from '../sql/mandate-store.ts'
import type { HolderRefusal, TakenWord } from './holders-word.ts'
import { faultOfPayer } from './payer.ts'

/**
 * The owner's mandates for small debits from the owner's wallet. Each is kept and owed to the reconciler, which verifies it again and
 * posts by the newest. Numbers grow, so that a mandate which somebody else has seen cannot take the place of a later one.
 */

/** Mandates that the reconciler has not confirmed: whoever has more does not say what the owner wants. */
const UNCONFIRMED_MAX = 20

/**
 * @param signed a mandate whose signature the Worker has verified, with a copy of the device's facts
 * @param encoded its very bytes
 *
 * Call it within a storage transaction.
 */
export function keepMandate(
  sql: SqlStorage,
  { mandate, claims }: SignedMandate,
  encoded: Uint8Array,
  by: Actor,
  nowMs: number,
): Result<TakenWord<void>, HolderRefusal> {
  const device = readDevice(sql)
  const fault = faultOfPayer(device, claims, nowMs)
  if (fault !== undefined) return err(fault)
  const { wallet, no, paymentMax, dayMax } = mandate
  // Nobody has consented that it pays out of another wallet.
  if (wallet !== device.ownerWallet) return err('consent_required')
  const newest = newestMandate(sql)
  if (newest !== undefined && equalBytes(newest.signed, encoded)) return ok({ stands: undefined, kept: undefined })
  if (newest !== undefined && no <= newest.no) return err('state_conflict')
  if (owedMandates(sql) >= UNCONFIRMED_MAX || !takeRoom(sql, encoded.length, nowMs)) return err('rate_limited')
  // The book takes the later one: a clock that was set back must not make an older mandate the newest.
  const kept = insertMandate(sql, no, encoded, Math.max(nowMs, (newest?.atMs ?? 0) + 1))
  const detail = { rev: kept.rev, no, payment_max: paymentMax, day_max: dayMax }
  const audit = writeAuditRecord(sql, nowMs, by, 'mandate_given', detail)
  return ok({ stands: undefined, kept: { message: mandateMessageOf(device, kept), audit } })
}
