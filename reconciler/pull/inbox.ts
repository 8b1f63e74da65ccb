import type pg from 'pg'
import type { SettleMessage } from '../../src/protocol/messages.ts'
import { type AuditRecord, record } from '../audit.ts'
import { PAUSE_MAX_MS } from '../backoff.ts'

/**
 * `offline_sync_queue`: messages between the settle queue and the book. Whatever the queue delivered is here before it
 * is acknowledged there, and stays until it is done or a person looks at it.
 *
 *   pending ─ claim (lease) → done | pending again (backoff, or waiting for something) | parked → let go after 30 days
 */
export interface Received {
  readonly dedupKey: string
  readonly kind: SettleMessage['kind'] | 'unreadable'
  readonly body: Uint8Array
  readonly deviceId?: string
  /** Of a bundle: what its recording is confirmed with. */
  readonly bundleId?: string
  readonly seq?: number
  /** Of a resolution of people. */
  readonly resolutionRev?: number
  /** Of what a holder said: an answer to a claim, a mandate, an order about an allowance. */
  readonly answerRev?: number
  /** Why it cannot be read. */
  readonly fault?: string
}

export interface InboxRow {
  readonly id: number
  readonly kind: SettleMessage['kind']
  readonly deviceId: string
  readonly body: Uint8Array
  readonly attempts: number
  readonly failures: number
  /** What it waited for when it was last looked at, and since when. */
  readonly waitingFor: WaitingFor | null
  readonly waitingSince: Date | null
}

/** `refunded_payment`: a refund came before the bundle of what it gives back. `settlement`: it is halted. */
export type WaitingFor = 'device' | 'policy' | 'payer_device' | 'refunded_payment' | 'settlement'

/** Something that a message needs and that has not come yet. */
export interface Wanted {
  readonly what: WaitingFor
  /** The devices, when it is devices. */
  readonly devices?: readonly string[]
}

/** How long a worker may take before its messages are given to another. */
const LEASE_MS = 60_000

const NOT_WAITING = 'waiting_for = NULL, waiting_since = NULL, waiting_on = NULL'

/** Keeps messages; one that is here already changes nothing. What cannot be read is parked, on record. */
export async function receive(client: pg.ClientBase, messages: readonly Received[], at: Date): Promise<void> {
  const { rows } = await client.query<Parked & { status: string }>(
    `INSERT INTO offline_sync_queue (dedup_key, kind, device_id, bundle_id, body, status, last_error, next_retry_at,
       received_at, parked_at)
     SELECT dedup_key, kind, device_id, bundle_id, body, CASE kind WHEN 'unreadable' THEN 'parked' ELSE 'pending' END, fault, $6::timestamptz, $6,
            CASE kind WHEN 'unreadable' THEN $6 END
     FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $7::text[])
       AS m (dedup_key, kind, device_id, body, fault, bundle_id)
     ORDER BY dedup_key
     ON CONFLICT (dedup_key) DO NOTHING RETURNING id, kind, device_id AS "deviceId", last_error AS fault, status`,
    [
      messages.map(({ dedupKey }) => dedupKey),
      messages.map(({ kind }) => kind),
      messages.map(({ deviceId }) => deviceId ?? null),
      messages.map(({ body }) => Buffer.from(body)),
      messages.map(({ fault }) => fault ?? null),
      at,
      messages.map(({ bundleId }) => bundleId ?? null),
    ],
  )
  const parked = rows.filter(({ status }) => status === 'parked')
  if (parked.length > 0) await record(client, parked.map(parkingOf), at)
}

/**
 * Takes messages that are due, each for one worker. The lease is the time until they are due again. What a clock that was
 * wrong put off further than any pause comes up too.
 */
export async function claim(pool: pg.Pool, max: number, nowMs: number): Promise<readonly InboxRow[]> {
  const { rows } = await pool.query<InboxRow>(
    `WITH due AS (
       SELECT id FROM offline_sync_queue WHERE status = 'pending' AND next_retry_at <= $1
       ORDER BY next_retry_at, id LIMIT $3 FOR UPDATE SKIP LOCKED),
     misdated AS (
       SELECT id FROM offline_sync_queue WHERE status = 'pending' AND next_retry_at > $4
       ORDER BY next_retry_at, id LIMIT $3 - (SELECT count(*) FROM due) FOR UPDATE SKIP LOCKED)
     UPDATE offline_sync_queue q SET attempts = attempts + 1, next_retry_at = $2
     FROM (SELECT id FROM due UNION ALL SELECT id FROM misdated) m WHERE q.id = m.id
     RETURNING q.id, q.kind, q.device_id AS "deviceId", q.body, q.attempts, q.failures,
               q.waiting_for AS "waitingFor", q.waiting_since AS "waitingSince"`,
    [new Date(nowMs), new Date(nowMs + LEASE_MS), max, new Date(nowMs + PAUSE_MAX_MS)],
  )
  return rows.sort((a, b) => a.id - b.id)
}

/** Of these the ones that nobody has finished, locked until commit: a worker whose lease ran out stops here. */
export async function lockPending(client: pg.ClientBase, ids: readonly number[]): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ id: number }>(
    `SELECT id FROM offline_sync_queue WHERE id = ANY ($1) AND status = 'pending' ORDER BY id FOR UPDATE`,
    [ids],
  )
  return new Set(rows.map(({ id }) => id))
}

/** Done, and its body is dropped: a bundle's bytes, a device's facts and a resolution are in tables of their own. */
export async function markDone(client: pg.ClientBase, ids: readonly number[], at: Date): Promise<void> {
  await client.query(
    `UPDATE offline_sync_queue SET status = 'done', done_at = $2, ${NOT_WAITING}, last_error = NULL, body = NULL
     WHERE id = ANY ($1)`,
    [ids, at],
  )
}

/**
 * Not a failure, and no attempt: something that it needs has not come yet. The time of waiting counts from when it began
 * to wait for that; a beginning in the future was written by a clock that was wrong.
 */
export async function wait(pool: pg.Pool, id: number, { what, devices }: Wanted, until: Date, at: Date): Promise<void> {
  await pool.query(
    `UPDATE offline_sync_queue
     SET waiting_since = CASE WHEN waiting_for = $2 AND waiting_since <= $5 THEN waiting_since ELSE $5 END,
         waiting_for = $2, waiting_on = $3, next_retry_at = $4, attempts = greatest(attempts - 1, 0), last_error = NULL
     WHERE id = $1 AND status = 'pending'`,
    [id, what, devices ?? null, until, at],
  )
}

/**
 * What waited for this device goes on. A row that is being worked on is left alone: its worker holds it and may itself
 * wait for the device.
 */
export async function wake(client: pg.ClientBase, deviceId: string, at: Date): Promise<void> {
  await client.query(
    `UPDATE offline_sync_queue SET next_retry_at = $2
     WHERE id IN (SELECT id FROM offline_sync_queue
                  WHERE waiting_for IS NOT NULL AND waiting_on @> ARRAY[$1::text] FOR UPDATE SKIP LOCKED)`,
    [deviceId, at],
  )
}

/** Tried again later. @param own whether it failed by itself, which may not happen too often */
export async function retry(pool: pg.Pool, id: number, fault: string, until: Date, own: boolean): Promise<void> {
  await pool.query(
    `UPDATE offline_sync_queue SET last_error = $2, next_retry_at = $3, failures = failures + $4::int
     WHERE id = $1 AND status = 'pending'`,
    [id, fault, until, own ? 1 : 0],
  )
}

/** Given back without having been looked at. */
export async function giveBack(pool: pg.Pool, ids: readonly number[], until: Date): Promise<void> {
  await pool.query(
    `UPDATE offline_sync_queue SET next_retry_at = $2, attempts = greatest(attempts - 1, 0)
     WHERE id = ANY ($1) AND status = 'pending'`,
    [ids, until],
  )
}

/** A message that goes on only when a person says so. */
export interface Parked {
  readonly id: number
  readonly kind: Received['kind']
  readonly deviceId: string | null
  readonly fault: string
}

/** Parks messages that are still to be done. The caller writes `parkingOf` of what is returned to the audit log. */
export async function park<T extends Parked>(
  client: pg.ClientBase,
  messages: readonly T[],
  at: Date,
): Promise<readonly T[]> {
  if (messages.length === 0) return []
  const { rows } = await client.query<{ id: number }>(
    `UPDATE offline_sync_queue q SET status = 'parked', parked_at = $3, ${NOT_WAITING}, last_error = m.fault
     FROM unnest($1::bigint[], $2::text[]) AS m (id, fault) WHERE q.id = m.id AND q.status = 'pending' RETURNING q.id`,
    [messages.map(({ id }) => id), messages.map(({ fault }) => fault), at],
  )
  const parked = new Set(rows.map(({ id }) => id))
  return messages.filter(({ id }) => parked.has(id))
}

export function parkingOf({ id, kind, deviceId, fault }: Parked): AuditRecord {
  const about = deviceId === null ? { stream: 'inbox' } : { deviceId }
  return { ...about, action: 'inbox_parked', detail: { inbox: id, kind, fault } }
}
