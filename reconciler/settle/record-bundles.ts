import type pg from 'pg'
import { ulidText } from '../../src/protocol/ids.ts'
import { decisionFor } from '../../src/protocol/receipt.ts'
import { refundedBy } from '../../src/protocol/refunds.ts'
import { transact } from '../db.ts'
import type { PreparedBundle } from './post.ts'

/**
 * Writes the signed bytes of bundles, with what was read in them, before anything of them is settled, and as another login than
 * the one that settles: a payment is posted only as this row has it. What is there stays: the same id with another digest is
 * found when it is settled.
 *
 * Dies after it: the message comes up again, finds its row, and is settled then.
 */
export async function recordBundles(pool: pg.Pool, prepared: readonly PreparedBundle[], at: Date): Promise<void> {
  const column = <T>(pick: (one: PreparedBundle) => T): T[] => prepared.map(pick)
  const lines = prepared.flatMap(({ payments, verified: { receipt } }, i) =>
    payments.map(({ payment, hash }) => ({ payment, hash, receipt, of: i + 1 })),
  )
  const each = <T>(pick: (line: (typeof lines)[number]) => T): T[] => lines.map(pick)
  await transact(pool, (client) =>
    client.query(INSERT, [
      column(({ message }) => message.deviceId),
      column(({ verified }) => ulidText(verified.receipt.bundleId)),
      column(({ verified }) => Buffer.from(verified.digest)),
      column(({ message }) => Buffer.from(message.bundle)),
      column(({ message }) => Buffer.from(message.receipt)),
      at,
      each(({ of }) => of),
      each(({ payment }) => payment.counter),
      each(({ hash }) => Buffer.from(hash)),
      each(({ payment }) => payment.type),
      each(({ payment }) => payment.method),
      each(({ payment }) => payment.amount),
      each(({ payment }) => payment.currency),
      each(({ payment }) => payment.sender),
      each(({ payment }) => payment.receiver),
      each(({ payment }) => payment.merchantId ?? null),
      each(({ payment }) => new Date(payment.initiatedAtMs)),
      each(({ payment, receipt }) => decisionFor(receipt, payment.counter).decision),
      each(({ payment, receipt }) => refundedBy(payment, receipt.deviceId)?.deviceId ?? null),
      each(({ payment, receipt }) => refundedBy(payment, receipt.deviceId)?.counter ?? null),
    ]),
  )
}

/** In order, so that two that record the same bundles cannot deadlock. */
const INSERT = `INSERT INTO offline_signed_bundles (device_id, bundle_id, digest, bundle, receipt, payments, recorded_at)
  SELECT b.device_id, b.bundle_id, b.digest, b.bundle, b.receipt, coalesce(p.payments, '{}'), $6
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) WITH ORDINALITY
         AS b (device_id, bundle_id, digest, bundle, receipt, no)
  LEFT JOIN (
    SELECT x.of, array_agg(ROW(x.counter, x.content_hash, x.type, x.method, x.amount_minor, x.currency, x.sender,
                               x.receiver, x.merchant_id, x.initiated_at, x.decision, x.refund_of_device_id,
                               x.refund_of_counter)::offline_signed_payment
                           ORDER BY x.counter) AS payments
    FROM unnest($7::int[], $8::bigint[], $9::bytea[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[],
                $15::text[], $16::text[], $17::timestamptz[], $18::text[], $19::text[], $20::bigint[])
           AS x (of, counter, content_hash, type, method, amount_minor, currency, sender, receiver, merchant_id,
                 initiated_at, decision, refund_of_device_id, refund_of_counter)
    GROUP BY x.of) p ON p.of = b.no
  ORDER BY b.device_id COLLATE "C", b.bundle_id
  ON CONFLICT (device_id, bundle_id) DO NOTHING`
