import { logger } from '../src/log.ts'
import type { DeviceId } from '../src/protocol/ids.ts'
import type { Country } from '../src/protocol/policy.ts'
import type { RemoteScorer } from '../src/risk/scorer.ts'
import type { Escalation as Sira } from '../src/risk/sira-request.ts'
import { audited } from './audit.ts'
import type { AuditRecord } from './owed-store.ts'

/**
 * A device that told two stories is more than a refusal: somebody has to look. The escalation is kept in the object,
 * shown to people through its audit record, and told to SIRA, which takes the same id any number of times.
 */
export type EscalationKind = Sira['kind']

interface Escalation extends Pick<Sira, 'kind' | 'seq' | 'atMs' | 'digests'> {
  readonly id: number
}

/** Call it in the transaction that writes what is escalated. */
export function raise(
  sql: SqlStorage,
  { kind, seq, digests }: Pick<Escalation, 'kind' | 'seq' | 'digests'>,
  nowMs: number,
): AuditRecord {
  const { id } = sql
    .exec<{ id: number }>(
      'INSERT INTO escalations (kind, seq, digests, at, told) VALUES (?, ?, ?, ?, 0) RETURNING id',
      ...[kind, seq, JSON.stringify(digests), nowMs],
    )
    .one()
  logger.warn('escalation', { kind, seq })
  return audited(sql, nowMs, { actor: 'system' }, 'escalation_raised', { kind, seq, escalation: id })
}

export function wasRaisedSince(sql: SqlStorage, kind: EscalationKind, sinceMs: number): boolean {
  return sql.exec('SELECT 1 FROM escalations WHERE kind = ? AND at > ? LIMIT 1', kind, sinceMs).toArray().length > 0
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
  if (!scorer.takesEscalations) return
  for (const { id: number, ...untold } of readUntold(sql)) {
    const id = `${deviceId}/${number}`
    const told = await scorer.escalate({ id, deviceId, country, ...untold }, id)
    if (told.ok) sql.exec('UPDATE escalations SET told = 1 WHERE id = ?', number)
    else if (told.error.reason === 'rejected' || told.error.reason === 'invalid_answer') {
      logger.error('SIRA does not take an escalation; it stays owed', { id, ...told.error })
    } else return
  }
}

/** What SIRA has not taken yet. */
function readUntold(sql: SqlStorage): readonly Escalation[] {
  const query = 'SELECT id, kind, seq, digests, at FROM escalations WHERE told = 0 ORDER BY id LIMIT 100'
  return sql
    .exec(query)
    .toArray()
    .map((row) => ({
      id: row['id'] as number,
      kind: row['kind'] as EscalationKind,
      seq: row['seq'] as number,
      digests: JSON.parse(row['digests'] as string) as string[],
      atMs: row['at'] as number,
    }))
}
