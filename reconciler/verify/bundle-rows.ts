import type pg from 'pg'
import { MANDATE_EVIDENCE, type MandateEvidence } from '../settle/mandates.ts'

/** What the book has of bundles and of their payments, as it is held against the evidence (bundles.ts). */
export interface RecordedBundle {
  device_id: string
  bundle_id: string
  signed_digest: Uint8Array
  bundle: Uint8Array
  receipt: Uint8Array
  /** As they were read in it when it was recorded. */
  signed_payments: unknown[]
  /** Undefined while it is not settled. */
  settled: SettledRow | undefined
  /** Numbers that it gives to no payment, in order; null for none. */
  voids: number[] | null
}

export interface SettledRow {
  country: string
  policy_version: number
  seq: number
  digest: Uint8Array
  signed_at: Date
  received_at: Date
  first_counter: number
  last_counter: number
  /** The digest of the bundle before it in the device's chain; null when that is not here. */
  digest_before: Uint8Array | null
}

export interface PaymentRow {
  device_id: string
  bundle_id: string
  counter: number
  content_hash: Uint8Array
  status: string
  reason: string | null
  /** UTC milliseconds, as whoever settles said it; 0 for a copy. */
  status_at_ms: number
  /** Of a claim. */
  claim_until_ms: number | null
  /** Whether one of its wallets has another currency. */
  is_other_currency: boolean
  /** UTC milliseconds; null when it moved nothing. */
  posted_at: number | null
  /** Null for a copy: it has no more than its hash. */
  facts: unknown[] | null
  /** Of a copy: whether the payment that it is a copy of is here. */
  has_first: boolean
  /** Whether people resolved it. */
  resolved: boolean
  /** Of a payer whose signature was used up for it. */
  payer_device_id: string | null
  payer_request_id: Uint8Array | null
  /** Of an agent who approved it, and the taker's request that was used up. */
  agent_device_id: string | null
  request_id: Uint8Array | null
  /** The answer of its holder by which a claim was posted. */
  confirmation: Uint8Array | null
  confirmed_by: string | null
  /** The mandate by which a claim was posted. */
  mandate: MandateEvidence | null
  /** As it was counted under an allowance. */
  covered: CoveredRow | null
}

/** What the book says of a payment under an allowance. */
export interface CoveredRow {
  payer_device_id: string
  allowance_no: number
  n: number
  spent_minor: number
}

/** How many bundles to look at, or which, as `[device_id, bundle_id]`; all when left out. */
export type Sample = number | readonly (readonly [string, string])[] | undefined

/** At once: no more, because their signatures stand in one line with those of what is new, which must not wait long. */
const BATCH = 20

export async function paymentsOf(
  client: pg.ClientBase,
  bundles: readonly RecordedBundle[],
): Promise<readonly PaymentRow[]> {
  const { rows } = await client.query<PaymentRow>(
    `WITH b AS (SELECT * FROM unnest($1::text[], $2::text[]) AS b (device_id, bundle_id))
     SELECT t.device_id, t.bundle_id, t.counter, t.content_hash, t.status, t.reason,
            round(extract(epoch FROM t.status_at) * 1000)::bigint AS status_at_ms,
            round(extract(epoch FROM t.claim_until) * 1000)::bigint AS claim_until_ms,
            EXISTS (SELECT FROM wallet_core.accounts w
                    WHERE w.wallet_id IN (t.sender, t.receiver) AND w.currency <> t.currency) AS is_other_currency,
            false AS has_first,
            (SELECT round(extract(epoch FROM posted_at) * 1000)::bigint FROM wallet_core.transfers WHERE transfer_id = t.transfer_id) AS posted_at,
            json_build_array(t.type, t.method, t.amount_minor, currency, sender, receiver, merchant_id,
                             (extract(epoch FROM initiated_at) * 1000)::bigint, refund_of_device_id, refund_of_counter) AS facts,
            EXISTS (SELECT FROM offline_resolutions d
                    WHERE d.device_id = t.device_id AND d.counter = t.counter AND d.bundle_id = t.bundle_id
                      AND d.result = 'applied' AND d.choice = 'approve') AS resolved,
            a.payer_device_id, a.request_id AS payer_request_id, g.agent_device_id, g.request_id, c.answer AS confirmation, c.payer_device_id AS confirmed_by,
            m.mandate, v.covered
     FROM b JOIN offline_transactions t USING (device_id, bundle_id)
     LEFT JOIN offline_payer_authorizations a ON a.device_id = t.device_id AND a.counter = t.counter
     LEFT JOIN offline_agent_approvals g ON g.device_id = t.device_id AND g.counter = t.counter
     LEFT JOIN offline_claim_answers c ON c.device_id = t.device_id AND c.counter = t.counter AND c.result = 'applied'
       AND c.choice = 'confirm'
     LEFT JOIN LATERAL (
       SELECT ${MANDATE_EVIDENCE} AS mandate
       FROM offline_mandated_payments p
       LEFT JOIN offline_mandates m ON m.payer_device_id = p.payer_device_id AND m.rev = p.mandate_rev
       WHERE p.device_id = t.device_id AND p.counter = t.counter) m ON true
     LEFT JOIN LATERAL (
       SELECT json_build_object('payer_device_id', x.payer_device_id, 'allowance_no', x.allowance_no, 'n', x.n,
                                'spent_minor', x.spent_minor) AS covered
       FROM offline_allowance_payments x WHERE x.device_id = t.device_id AND x.counter = t.counter) v ON true
     UNION ALL
     SELECT device_id, bundle_id, counter, content_hash, 'refused', 'duplicate', 0, NULL, false, EXISTS (
              SELECT FROM offline_transactions f WHERE f.device_id = offline_tx_copies.device_id AND f.counter = offline_tx_copies.counter),
            NULL, NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
     FROM b JOIN offline_tx_copies USING (device_id, bundle_id)`,
    [bundles.map((row) => row.device_id), bundles.map((row) => row.bundle_id)],
  )
  return rows
}

export async function countBundles(client: pg.ClientBase, sample: Sample): Promise<number> {
  if (typeof sample === 'object') return sample.length
  const { rows } = await client.query<{ n: number }>('SELECT count(*) AS n FROM offline_signed_bundles')
  return Math.min(rows[0]?.n ?? 0, sample ?? Number.POSITIVE_INFINITY)
}

type Row = Omit<RecordedBundle, 'settled'> & { [field in keyof SettledRow]: SettledRow[field] | null }

/** All of them, device by device, a random sample, or certain ones; of those the chain is not looked at. */
export async function* bundlesInBatches(client: pg.ClientBase, sample: Sample): AsyncGenerator<RecordedBundle[]> {
  const columns = `s.device_id, s.bundle_id, s.digest AS signed_digest, s.bundle, s.receipt,
    (SELECT coalesce(json_agg(json_build_array(
         p.counter, encode(p.content_hash, 'hex'), p.type, p.method, p.amount_minor, p.currency, p.sender, p.receiver,
         p.merchant_id, (extract(epoch FROM p.initiated_at) * 1000)::bigint, p.refund_of_device_id, p.refund_of_counter,
         p.decision) ORDER BY p.no), '[]')
     FROM unnest(s.payments) WITH ORDINALITY
       AS p (counter, content_hash, type, method, amount_minor, currency, sender, receiver, merchant_id, initiated_at,
             decision, refund_of_device_id, refund_of_counter, no)) AS signed_payments,
    b.country, b.policy_version, b.seq, b.digest, b.signed_at, b.received_at, b.first_counter, b.last_counter, b.digest_before,
    (SELECT json_agg(v.counter ORDER BY v.counter) FROM offline_tx_voids v
     WHERE v.device_id = s.device_id AND v.bundle_id = s.bundle_id) AS voids`
  if (typeof sample === 'object') {
    for (let i = 0; i < sample.length; i += BATCH) {
      const some = sample.slice(i, i + BATCH)
      const { rows } = await client.query<Row>(
        `SELECT ${columns} FROM unnest($1::text[], $2::text[]) AS x (device_id, bundle_id)
         JOIN offline_signed_bundles s USING (device_id, bundle_id)
         LEFT JOIN (SELECT *, NULL::bytea AS digest_before FROM offline_tx_bundles) b USING (device_id, bundle_id)`,
        [some.map(([device]) => device), some.map(([, bundle]) => bundle)],
      )
      yield rows.map(recordedOf)
    }
    return
  }
  const chained = `(
    SELECT *, CASE lag(seq) OVER chain WHEN seq - 1 THEN lag(digest) OVER chain END AS digest_before
    FROM offline_tx_bundles WINDOW chain AS (PARTITION BY device_id ORDER BY seq, bundle_id)) b`
  const chosen =
    sample === undefined
      ? ''
      : `JOIN (SELECT device_id, bundle_id FROM offline_signed_bundles ORDER BY random() LIMIT ${sample}) x
           USING (device_id, bundle_id)`
  await client.query(
    `DECLARE verify_bundles NO SCROLL CURSOR FOR
     SELECT ${columns} FROM offline_signed_bundles s LEFT JOIN ${chained} USING (device_id, bundle_id) ${chosen}`,
  )
  for (;;) {
    const { rows } = await client.query<Row>(`FETCH ${BATCH} FROM verify_bundles`)
    if (rows.length === 0) break
    yield rows.map(recordedOf)
  }
  await client.query('CLOSE verify_bundles')
}

function recordedOf({ device_id, bundle_id, signed_digest, bundle, receipt, signed_payments, voids, ...settled }: Row) {
  return {
    ...{ device_id, bundle_id, signed_digest, bundle, receipt, signed_payments, voids },
    settled: settled.seq === null ? undefined : (settled as SettledRow),
  }
}
