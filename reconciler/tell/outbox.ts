import type pg from 'pg'
import type { AllowanceState } from '../../src/protocol/allowances.ts'
import { fromHex } from '../../src/protocol/bytes.ts'
import type { Claim } from '../../src/protocol/claims.ts'
import type { Confirmation } from '../../src/protocol/confirmations.ts'
import type { CodeVerdict } from '../../src/protocol/consent-code.ts'
import type { Debit, DebitStatus } from '../../src/protocol/debits.ts'
import { deviceId as asDeviceId, parseUlid, ulidText } from '../../src/protocol/ids.ts'
import { CLAIMS_PER_NOTICE_MAX, DEBITS_PER_NOTICE_MAX, MANDATED_PER_NOTICE_MAX } from '../../src/protocol/limits.ts'
import type { MandatedDebit } from '../../src/protocol/mandated.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Outcome } from '../../src/protocol/notice.ts'
import type { WalletState } from '../../src/protocol/owner-wallet.ts'
import type { PaymentType } from '../../src/protocol/payment.ts'
import type { Receipt } from '../../src/protocol/receipt.ts'
import { PAUSE_MAX_MS } from '../backoff.ts'

/**
 * `offline_outbox`: what the edge has to be told. A row points at a bundle, a resolution of people, a holder's answer, what others
 * take from the wallet of a device (claims, what mandates paid, and what became of what its holder gave a word for), or a device; what is
 * said about it is read when it is sent. Each change makes the row newer than what was delivered, and so due.
 */
export interface Subject {
  readonly deviceId: string
  /** A bundle, a resolution, an answer, claims, or an allowance; nothing of these for the device's own facts. */
  readonly bundleId?: string
  readonly seq?: number
  readonly resolutionRev?: number
  readonly answerRev?: number
  readonly claims?: boolean
  readonly allowance?: boolean
}

export function bundleSubject({ deviceId, bundleId, seq }: Receipt): Subject {
  return { deviceId, bundleId: ulidText(bundleId), seq }
}

export interface OutboxRow {
  readonly id: number
  readonly deviceId: string
  readonly version: number
  /** Undefined while there is nothing to say. */
  readonly confirmation: Confirmation | undefined
}

/** How long a sender may take before another one sends the same again. */
const LEASE_MS = 60_000

/** What tells two subjects apart. */
const KEY = 'device_id, bundle_id, resolution_rev, answer_rev, about_claims, about_allowance'

/** Makes the edge be told, again if it was told before. */
export async function announce(client: pg.ClientBase, subjects: readonly Subject[], at: Date): Promise<void> {
  await client.query(
    `INSERT INTO offline_outbox AS o (device_id, bundle_id, seq, resolution_rev, answer_rev, about_claims, about_allowance, next_attempt_at)
     SELECT DISTINCT ON (${KEY}) device_id, bundle_id, seq, resolution_rev, answer_rev, about_claims, about_allowance, $5::timestamptz
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $6::bigint[], $7::boolean[],
                 $8::boolean[])
       AS s (device_id, bundle_id, seq, resolution_rev, answer_rev, about_claims, about_allowance)
     ORDER BY ${KEY}
     ON CONFLICT (${KEY}) DO UPDATE SET version = o.version + 1,
       -- What is under way or waits after a failure keeps its time.
       next_attempt_at = CASE WHEN o.delivered_version = o.version THEN excluded.next_attempt_at
                              ELSE o.next_attempt_at END`,
    [
      subjects.map(({ deviceId }) => deviceId),
      subjects.map(({ bundleId }) => bundleId ?? null),
      subjects.map(({ seq }) => seq ?? null),
      subjects.map(({ resolutionRev }) => resolutionRev ?? null),
      at,
      subjects.map(({ answerRev }) => answerRev ?? null),
      subjects.map(({ claims }) => claims ?? null),
      subjects.map(({ allowance }) => allowance ?? null),
    ],
  )
}

/** What may be confirmed as soon as it is received: all that the edge signs, and bundles that the book has already. */
export async function confirmable(client: pg.ClientBase, subjects: readonly Subject[]): Promise<readonly Subject[]> {
  const bundles = subjects.filter(({ bundleId }) => bundleId !== undefined)
  if (bundles.length === 0) return subjects
  const { rows } = await client.query<{ key: string }>(
    `SELECT device_id || '/' || bundle_id AS key FROM offline_tx_bundles
     WHERE (device_id, bundle_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
    [bundles.map(({ deviceId }) => deviceId), bundles.map(({ bundleId }) => bundleId)],
  )
  const known = new Set(rows.map(({ key }) => key))
  return subjects.filter(({ deviceId, bundleId }) => bundleId === undefined || known.has(`${deviceId}/${bundleId}`))
}

export interface Head {
  readonly id: number
  readonly deviceId: string
  readonly attempts: number
}

const IS_HEAD = `NOT EXISTS (SELECT FROM offline_outbox b
                               WHERE b.device_id = o.device_id AND b.delivered_version < b.version AND b.id < o.id)`

/**
 * Takes the oldest undelivered row of each device that is due, or that a clock that was wrong put off further than any
 * pause. Those behind it wait, so that order is kept.
 */
export async function claimHeads(pool: pg.Pool, max: number, nowMs: number): Promise<readonly Head[]> {
  const { rows } = await pool.query<Head>(
    `WITH due AS (
       SELECT o.id FROM offline_outbox o
       WHERE o.delivered_version < o.version AND o.next_attempt_at <= $1 AND ${IS_HEAD}
       ORDER BY o.next_attempt_at, o.id LIMIT $3 FOR UPDATE SKIP LOCKED),
     misdated AS (
       SELECT o.id FROM offline_outbox o
       WHERE o.delivered_version < o.version AND o.next_attempt_at > $4 AND ${IS_HEAD}
       ORDER BY o.next_attempt_at, o.id LIMIT $3 - (SELECT count(*) FROM due) FOR UPDATE SKIP LOCKED)
     UPDATE offline_outbox o SET attempts = attempts + 1, next_attempt_at = $2
     FROM (SELECT id FROM due UNION ALL SELECT id FROM misdated) m WHERE o.id = m.id
     RETURNING o.id, o.device_id AS "deviceId", o.attempts`,
    [new Date(nowMs), new Date(nowMs + LEASE_MS), max, new Date(nowMs + PAUSE_MAX_MS)],
  )
  return rows
}

type ClaimRow = readonly [
  ...[takerId: string, counter: number, contentHash: string, type: PaymentType, amount: number, currency: string],
  ...[receiver: string, initiatedAtMs: number, openUntilMs: number],
]

type MandatedRow = readonly [
  ...[takerId: string, counter: number, type: PaymentType, amount: number, currency: string],
  ...[receiver: string, initiatedAtMs: number, postedAtMs: number],
]

type DebitRow = readonly [
  ...[takerId: string, counter: number, requestId: string | null, type: PaymentType, amount: number, currency: string],
  ...[receiver: string, initiatedAtMs: number, status: DebitStatus, statusAtMs: number, reason: string | null],
]

type AllowanceVerdict = readonly [
  ...[no: number, ceiling: number, state: AllowanceState, untilMs: number | null, reason: string | null],
  convictedNo: number,
]

interface Said {
  id: number
  device_id: string
  version: number
  bundle_id: string | null
  seq: number | null
  resolution_rev: number | null
  answer_rev: number | null
  about_claims: boolean | null
  about_allowance: boolean | null
  allowance: AllowanceVerdict | null
  claims: ClaimRow[] | null
  mandated: MandatedRow[] | null
  debits: DebitRow[] | null
  device_rev: number | null
  code: CodeVerdict | null
  wallet_state: WalletState | null
  bundle_rev: number | null
  outcomes: [number, Outcome['status'], number, string | null, string | null][] | null
}

/** SQL: milliseconds since 1970. */
const MS = (at: string) => `floor(extract(epoch FROM ${at}) * 1000)::bigint`

/** Everything undelivered of these devices, oldest first, as it stands now: one statement, so one moment. */
export async function readUndelivered(
  pool: pg.Pool,
  deviceIds: readonly string[],
  max: number,
): Promise<readonly OutboxRow[]> {
  const { rows } = await pool.query<Said>(
    `SELECT o.id, o.device_id, o.version, o.bundle_id, o.seq, o.resolution_rev, o.answer_rev, o.about_claims, o.about_allowance, v.allowance, c.claims, m.mandated, w.debits,
             d.rev AS device_rev, d.wallet_state, k.code, b.rev AS bundle_rev, t.outcomes
     FROM offline_outbox o
     LEFT JOIN offline_devices d ON o.bundle_id IS NULL AND o.resolution_rev IS NULL AND o.answer_rev IS NULL
       AND d.device_id = o.device_id
     LEFT JOIN LATERAL (SELECT to_json(v) AS code FROM offline_code_verdict(d.device_id) v) k
       ON o.about_claims IS NULL AND o.about_allowance IS NULL
     LEFT JOIN LATERAL (
       SELECT json_build_array(x.no, x.ceiling_minor, x.state, ${MS('x.until_at')}, x.reason, x.convicted_no) AS allowance
       FROM offline_allowance_verdict(o.device_id) x) v ON o.about_allowance
     LEFT JOIN LATERAL (
       SELECT json_agg(json_build_array(k.device_id, k.counter, encode(k.content_hash, 'hex'), k.type, k.amount_minor,
                                        k.currency, k.receiver, ${MS('k.initiated_at')}, ${MS('k.claim_until')})
                       ORDER BY k.claim_until, k.device_id, k.counter) AS claims
       FROM (SELECT * FROM offline_transactions WHERE sender = d.owner_wallet AND status = 'claimed'
             ORDER BY claim_until, device_id, counter LIMIT ${CLAIMS_PER_NOTICE_MAX}) k) c ON o.about_claims
     LEFT JOIN LATERAL (
       SELECT json_agg(json_build_array(k.device_id, k.counter, k.type, k.amount_minor, k.currency, k.receiver,
                                        ${MS('k.initiated_at')}, ${MS('k.posted_at')}) ORDER BY k.id DESC) AS mandated
       FROM (SELECT x.id, x.posted_at, p.* FROM offline_mandated_payments x JOIN offline_transactions p USING (device_id, counter)
             WHERE x.wallet = d.owner_wallet AND p.status = 'succeeded'
             ORDER BY x.id DESC LIMIT ${MANDATED_PER_NOTICE_MAX}) k) m ON o.about_claims
     LEFT JOIN LATERAL (
       SELECT json_agg(json_build_array(k.device_id, k.counter, encode(k.request_id, 'hex'), k.type, k.amount_minor, k.currency,
                                        k.receiver, ${MS('k.initiated_at')}, k.status, ${MS('k.status_at')}, k.reason)
                       ORDER BY k.worded_at DESC, k.device_id COLLATE "C", k.counter) AS debits
       FROM (SELECT x.request_id, x.worded_at, p.* FROM offline_newest_debits(d.owner_wallet, ${DEBITS_PER_NOTICE_MAX}) x
             JOIN offline_transactions p USING (device_id, counter) WHERE p.sender = d.owner_wallet) k) w ON o.about_claims
     LEFT JOIN offline_tx_bundles b ON b.device_id = o.device_id AND b.bundle_id = o.bundle_id
     LEFT JOIN LATERAL (
       SELECT json_agg(json_build_array(p.counter, p.status, ${MS('p.status_at')},
                                        p.reason, p.transfer_id) ORDER BY p.counter) AS outcomes
       FROM (SELECT counter, status, status_at, reason, transfer_id FROM offline_transactions
             WHERE device_id = b.device_id AND bundle_id = b.bundle_id
             UNION ALL
             SELECT counter, 'refused', recorded_at, 'duplicate', NULL FROM offline_tx_copies
             WHERE device_id = b.device_id AND bundle_id = b.bundle_id) p) t ON b.rev IS NOT NULL
     WHERE o.device_id = ANY ($1) AND o.delivered_version < o.version
     ORDER BY o.id LIMIT $2`,
    [deviceIds, max],
  )
  return rows.map((row) => ({
    id: row.id,
    deviceId: row.device_id,
    version: row.version,
    confirmation: confirmationOf(row),
  }))
}

function confirmationOf(row: Said): Confirmation | undefined {
  const deviceId = asDeviceId(row.device_id)
  // There since it is in the inbox.
  if (row.resolution_rev !== null) return { kind: 'resolution_recorded', deviceId, rev: row.resolution_rev }
  if (row.answer_rev !== null) return { kind: 'answer_recorded', deviceId, rev: row.answer_rev }
  // The row's version grows in the transactions that change the claims, so a later list has a higher one.
  if (row.about_claims) {
    const [claims, mandated] = [(row.claims ?? []).map(claimOf), (row.mandated ?? []).map(mandatedOf)]
    return {
      kind: 'claims_open',
      deviceId,
      rev: row.version,
      claims,
      mandated,
      debits: (row.debits ?? []).map(debitOf),
    }
  }
  if (row.about_allowance) {
    if (row.allowance === null) return undefined
    const [no, ceiling, state, untilMs, reason, convictedNo] = row.allowance
    const allowance = { no, ceiling, state, ...(untilMs !== null && { untilMs }), ...(reason !== null && { reason }) }
    return { kind: 'allowance_stands', deviceId, rev: row.version, allowance, convictedNo }
  }
  if (row.bundle_id === null || row.seq === null) {
    if (row.device_rev === null) return undefined
    const { device_rev: rev, wallet_state: wallet, code } = row
    return { kind: 'device_recorded', deviceId, rev, ...(wallet !== null && { wallet }), ...(code && { code }) }
  }
  const bundleId = parseUlid(row.bundle_id)
  if (bundleId === undefined) throw new Error('not a bundle id')
  const subject = { deviceId, bundleId, seq: row.seq }
  if (row.bundle_rev === null) return { kind: 'bundle_recorded', ...subject }
  const outcomes = (row.outcomes ?? []).map(
    ([counter, status, atMs, reason, transferId]): Outcome => ({
      counter,
      status,
      atMs,
      ...(reason !== null && { reason }),
      ...(transferId !== null && { transferId }),
    }),
  )
  return { kind: 'bundle_settled', ...subject, rev: row.bundle_rev, outcomes }
}

function claimOf([takerId, counter, hash, type, amount, unit, receiver, initiatedAtMs, openUntilMs]: ClaimRow): Claim {
  return {
    takerId: asDeviceId(takerId),
    ...{ counter, contentHash: fromHex(hash), type, amount: amountMinor(amount), currency: currency(unit), receiver },
    ...{ initiatedAtMs, openUntilMs },
  }
}

function mandatedOf([takerId, counter, type, amount, unit, receiver, initiatedAtMs, postedAtMs]: MandatedRow) {
  const about = { takerId: asDeviceId(takerId), counter, type, amount: amountMinor(amount), currency: currency(unit) }
  return { ...about, receiver, initiatedAtMs, postedAtMs } satisfies MandatedDebit
}

function debitOf([takerId, counter, requestId, type, amount, unit, receiver, ...what]: DebitRow): Debit {
  const [initiatedAtMs, status, statusAtMs, reason] = what
  return {
    ...{ takerId: asDeviceId(takerId), counter, type, amount: amountMinor(amount), currency: currency(unit), receiver },
    ...{ initiatedAtMs, status, statusAtMs },
    ...(requestId !== null && { requestId: fromHex(requestId) }),
    ...(reason !== null && { reason }),
  }
}

/** What the edge has taken. A row that changed meanwhile stays due. */
export async function markDelivered(pool: pg.Pool, rows: readonly OutboxRow[], at: Date): Promise<void> {
  await pool.query(
    // Locked in the order in which announce() takes them, so that the two cannot deadlock.
    `WITH mine AS (
       SELECT id FROM offline_outbox WHERE id = ANY ($1::bigint[]) ORDER BY ${KEY} FOR UPDATE)
     UPDATE offline_outbox o
     SET delivered_version = greatest(o.delivered_version, d.version), attempts = 0, last_error = NULL,
         next_attempt_at = $3
     FROM mine JOIN unnest($1::bigint[], $2::int[]) AS d (id, version) USING (id) WHERE o.id = mine.id`,
    [rows.map(({ id }) => id), rows.map(({ version }) => version), at],
  )
}

export async function markUndelivered(pool: pg.Pool, id: number, fault: string, until: Date): Promise<void> {
  await pool.query(`UPDATE offline_outbox SET last_error = $2, next_attempt_at = $3 WHERE id = $1`, [id, fault, until])
}

/** As if they had not been claimed, but due then. */
export async function unclaim(pool: pg.Pool, heads: readonly Head[], until: Date): Promise<void> {
  await pool.query(
    `UPDATE offline_outbox SET attempts = greatest(attempts - 1, 0), next_attempt_at = $2 WHERE id = ANY ($1::bigint[])`,
    [heads.map(({ id }) => id), until],
  )
}
