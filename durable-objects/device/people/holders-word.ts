import type { HolderMessage } from '../../../src/protocol/messages.ts'
import { ok, type Result } from '../../../src/protocol/result.ts'
import type { Delivery } from '../owed/delivery.ts'
import type { AuditRecord } from '../sql/audit-store.ts'
import { readDevice } from '../sql/device-store.ts'
import type { PayerFault } from './payer.ts'

/** Why the object does not take what the owner signed: an answer to a claim (answering.ts), a mandate (mandating.ts), an order (ordering.ts). */
export type HolderRefusal = PayerFault | 'state_conflict' | 'rate_limited' | 'temporarily_unavailable'

/** What was kept now, as it goes to the reconciler. */
export interface KeptWord {
  readonly message: HolderMessage
  readonly audit: AuditRecord
}

/** What stands now. `kept` is undefined when it was kept before. */
export interface TakenWord<Stands> {
  readonly stands: Stands
  readonly kept: KeptWord | undefined
}

/** What the owner says with this device: one transaction with its audit record, and then owed to the reconciler. */
export function takeWord<Stands>(
  storage: DurableObjectStorage,
  delivery: Delivery,
  keep: (nowMs: number) => Result<TakenWord<Stands>, HolderRefusal>,
): Result<Stands, HolderRefusal> {
  const taken = storage.transactionSync(() => keep(Date.now()))
  if (!taken.ok) return taken
  const { stands, kept } = taken.value
  if (kept) delivery.sendWord(readDevice(storage.sql), kept.message, kept.audit)
  return ok(stands)
}
