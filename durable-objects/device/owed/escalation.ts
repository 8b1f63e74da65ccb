import { logger } from '../../../src/edge/log.ts'
import type { DeviceId } from '../../../src/protocol/ids.ts'
import type { Country } from '../../../src/protocol/policy.ts'
import type { RemoteScorer } from '../../../src/risk/remote-scorer.ts'
import type { Escalation } from '../../../src/risk/sira-request.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { insertEscalation, markTold, readUntold } from '../sql/escalation-store.ts'

/**
 * A device that told two stories is more than a refusal: somebody has to look. The escalation is kept in the object,
 * shown to people through its audit record, and told to SIRA, which takes the same id any number of times.
 */

/** Call it in the transaction that writes what is escalated. */
export function raise(
  sql: SqlStorage,
  about: Pick<Escalation, 'kind' | 'seq' | 'digests'>,
  nowMs: number,
): AuditRecord {
  const { kind, seq } = about
  const id = insertEscalation(sql, { ...about, atMs: nowMs })
  logger.warn('escalation', { kind, seq })
  return writeAuditRecord(sql, nowMs, { actor: 'system' }, 'escalation_raised', { kind, seq, escalation: id })
}

/**
 * Tells SIRA what people have to look at. What it does not take stays owed. One that it refuses keeps none of the later
 * ones from being told; when it cannot be reached, the rest waits with it.
 */
export async function tellSira(
  sql: SqlStorage,
  { deviceId, country }: { deviceId: DeviceId; country: Country },
  scorer: RemoteScorer,
): Promise<void> {
  for (const { id: number, ...untold } of readUntold(sql)) {
    const id = `${deviceId}/${number}`
    const told = await scorer.escalate({ id, deviceId, country, ...untold }, id)
    if (told.ok) markTold(sql, number)
    else if (told.error.reason === 'rejected' || told.error.reason === 'invalid_answer') {
      logger.error('SIRA does not take an escalation; it stays owed', { id, ...told.error })
    } else return
  }
}
