import type pg from 'pg'
import type { SettleMessage } from '../src/protocol/messages.ts'
import { PAUSE_MAX_MS } from './backoff.ts'

/**
 * `offline_sync_queue`: messages between the settle queue and the book. Whatever the queue delivered is here before it
 * is acknowledged there, and stays until it is done or a person looks at it.
 *
 *   pending ─ claim (lease) → done | pending again (backoff, or waiting for something) | parked
 */
export interface Received {
  readonly dedupKey: string
  readonly kind: SettleMessage['kind'] | 'unreadable'
  readonly body: Uint8Array
  readonly deviceId?: string
  /** Of a bundle: what its recording is confirmed with. */
  readonly bundleId?: string
  readonly seq?: number
  /** Of a decision of people. */
  readonly decisionRev?: number
  /** Why it cannot be read. */
  readonly fault?: string
}

export interface InboxRow {
  readonly id: number
  readonly kind: SettleMessage['kind']
  readonly body: Uint8Array
  readonly attempts: number
}

export type WaitingFor = 'device' | 'policy' | 'payer_device'

/** How long a worker may take before its messages are given to another. */
const LEASE_MS = 60_000

/** Keeps messages; one that is here already changes nothing. */
export async function receive(client: pg.ClientBase, messages: readonly Received[], at: Date): Promise<void> {
  await client.query(
    `INSERT INTO offline_sync_queue (dedup_key, kind, device_id, bundle_id, body, status, last_error, next_retry_at,
       received_at)
     SELECT dedup_key, kind, device_id, bundle_id, body, CASE kind WHEN 'unreadable' THEN 'parked' ELSE 'pending' END, fault, $6, $6
     FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $7::text[])
       AS m (dedup_key, kind, device_id, body, fault, bundle_id)
     ORDER BY dedup_key
     ON CONFLICT (dedup_key) DO NOTHING`,
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
     RETURNING q.id, q.kind, q.body, q.attempts`,
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

/** Done, and its body is dropped: a bundle's bytes, a device's facts and a decision are in tables of their own. */
export async function markDone(client: pg.ClientBase, ids: readonly number[], at: Date): Promise<void> {
  await client.query(
    `UPDATE offline_sync_queue SET status = 'done', done_at = $2, waiting_for = NULL, last_error = NULL, body = NULL
     WHERE id = ANY ($1)`,
    [ids, at],
  )
}

/** Not a failure: something that it needs has not come yet. */
export async function wait(pool: pg.Pool, id: number, waitingFor: WaitingFor, until: Date): Promise<void> {
  await pool.query(
    `UPDATE offline_sync_queue SET waiting_for = $2, next_retry_at = $3, last_error = NULL
     WHERE id = $1 AND status = 'pending'`,
    [id, waitingFor, until],
  )
}

/**
 * What waited for this device goes on, with its attempts counted afresh. A row that is being worked on is left alone:
 * its worker holds it and may itself wait for the device.
 */
export async function wake(client: pg.ClientBase, deviceId: string, at: Date): Promise<void> {
  await client.query(
    `UPDATE offline_sync_queue SET waiting_for = NULL, attempts = 0, next_retry_at = $2
     WHERE id IN (SELECT id FROM offline_sync_queue
                  WHERE status = 'pending' AND device_id = $1 AND waiting_for = 'device' FOR UPDATE SKIP LOCKED)`,
    [deviceId, at],
  )
}

/** Tried again later. */
export async function retry(pool: pg.Pool, id: number, fault: string, until: Date): Promise<void> {
  await pool.query(
    `UPDATE offline_sync_queue SET last_error = $2, next_retry_at = $3 WHERE id = $1 AND status = 'pending'`,
    [id, fault, until],
  )
}

/** Goes on only when a person says so. */
export async function park(client: pg.Pool | pg.ClientBase, id: number, fault: string): Promise<void> {
  await client.query(
    `UPDATE offline_sync_queue SET status = 'parked', waiting_for = NULL, last_error = $2
     WHERE id = $1 AND status = 'pending'`,
    [id, fault],
  )
}
