import type pg from 'pg'
import { DAY_MS } from '../src/protocol/time.ts'
import { type AuditRecord, record } from './audit.ts'
import { transact } from './db.ts'

/** How long a person has to look at a parked message; the database holds to it as well. */
const PARKED_KEPT_MS = 30 * DAY_MS
/** Messages of one transaction. */
const BATCH_MAX = 1000

interface LetGo {
  readonly id: number
  readonly kind: string
  readonly deviceId: string | null
  readonly fault: string | null
  /** Hex, SHA-256 of what it was. */
  readonly digest: string
}

/**
 * Lets go of messages that were parked for 30 days: whoever fills the queue with what cannot be read fills no disk for ever.
 * Digest, kind, fault and times stay, in the inbox and in the audit. Nothing that a receipt covers is lost with it: the Device Object
 * owes what the book has not recorded, sends it again, and it has its 30 days anew.
 *
 * @returns how many; there may be more while it is not zero
 */
export function letParkedGo(pool: pg.Pool, nowMs: number): Promise<number> {
  return transact(pool, async (client) => {
    const { rows } = await client.query<LetGo>(
      `SELECT id, kind, device_id AS "deviceId", fault, encode(digest, 'hex') AS digest
       FROM offline_let_parked_go($1, $2)`,
      [new Date(nowMs - PARKED_KEPT_MS), BATCH_MAX],
    )
    if (rows.length > 0) await record(client, rows.map(lettingGoOf), new Date(nowMs))
    return rows.length
  })
}

function lettingGoOf({ id, kind, deviceId, fault, digest }: LetGo): AuditRecord {
  const about = deviceId === null ? { stream: 'inbox' } : { deviceId }
  return { ...about, action: 'inbox_let_go', detail: { inbox: id, kind, fault, digest } }
}
