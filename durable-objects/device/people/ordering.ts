import { isLive, type SignedAllowanceOrder } from '../../../src/protocol/allowances.ts'
import { equalBytes } from '../../../src/protocol/bytes.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { orderMessageOf } from '../owed/owed.ts'
import type { Actor } from '../person.ts'
import { insertOrder, newestOrder, readAllowance } from '../sql/allowance-store.ts'
import { writeAuditRecord } from '../sql/audit-store.ts'
import { readDevice, takeRoom } from '../sql/device-store.ts'
import type { HolderRefusal, TakenWord } from './holders-word.ts'
import { faultOfPayer } from './payer.ts'

/**
 * The owner's orders about the device's allowance. Each is kept and owed to the reconciler, which verifies it again and asks the ledger;
 * what the ledger says comes back as `allowance_stands`. One allowance at a time: another one is opened when this one has ended.
 */

/**
 * @param signed an order whose signature the Worker has verified, with a copy of the device's facts
 * @param encoded its very bytes
 *
 * Call it within a storage transaction.
 */
export function keepOrder(
  sql: SqlStorage,
  { order, claims }: SignedAllowanceOrder,
  encoded: Uint8Array,
  by: Actor,
  nowMs: number,
): Result<TakenWord<void>, HolderRefusal> {
  const device = readDevice(sql)
  const fault = faultOfPayer(device, claims, nowMs)
  if (fault !== undefined) return err(fault)
  // Nobody has consented that it pays out of another wallet.
  if (order.wallet !== device.ownerWallet) return err('consent_required')
  const newest = newestOrder(sql)
  if (newest !== undefined && equalBytes(newest.signed, encoded)) return ok({ stands: undefined, kept: undefined })
  const stands = readAllowance(sql)
  const { choice, no } = order
  // What the ledger has not answered may be closed: the order to close waits there for the one to open.
  const fits =
    choice === 'open'
      ? (stands === undefined || !isLive(stands)) && no > Math.max(stands?.no ?? 0, newest?.no ?? 0)
      : stands?.no === no && (stands.state === 'open' || (stands.state === 'requested' && newest?.choice === 'open'))
  if (!fits) return err('state_conflict')
  if (!takeRoom(sql, encoded.length, nowMs)) return err('rate_limited')
  const kept = insertOrder(sql, order, encoded, nowMs)
  const detail =
    order.choice === 'open' ? { no, choice, ceiling: order.ceiling } : { no, choice, n: order.n, spent: order.spent }
  const audit = writeAuditRecord(sql, nowMs, by, 'allowance_ordered', { rev: kept.rev, ...detail })
  return ok({ stands: undefined, kept: { message: orderMessageOf(device, kept), audit } })
}
