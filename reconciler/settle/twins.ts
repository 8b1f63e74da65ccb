import type pg from 'pg'
import type { Payment } from '../../src/protocol/payment.ts'
import { type AuthorisedBundle, isAlive } from './authorise.ts'

/**
 * Payments that another device recorded too: payer's phone and merchant's till both kept what was one payment, or a copy
 * of a device goes by another name. The same wallets, amount and moment; people decide which of them count. A sign, no
 * rule: two that are posted in the same instant are not seen here, and show in `offline_twin_payments`.
 */
const WINDOW_MS = 60_000

/** A payment that may still move money, of the bundle with the number `of`. */
export interface TwinLine {
  readonly of: number
  readonly payment: Payment
  readonly deviceId: string
}

/** @returns for each bundle the counters of its payments that have a twin */
export function findTwins(
  pool: pg.Pool,
  bundles: readonly AuthorisedBundle[],
): Promise<readonly ReadonlySet<number>[]> {
  return twinsOf(bundles, (lines) => recordedTwins(pool, lines))
}

/** @param recorded says which lines have a twin in the book */
export async function twinsOf(
  bundles: readonly AuthorisedBundle[],
  recorded: (lines: readonly TwinLine[]) => Promise<readonly TwinLine[]>,
): Promise<readonly ReadonlySet<number>[]> {
  const lines = bundles.flatMap((bundle, of) =>
    bundle.payments.flatMap((payment): TwinLine[] =>
      isAlive(bundle.verified, payment) ? [{ of, payment, deviceId: bundle.verified.receipt.deviceId }] : [],
    ),
  )
  const twins = bundles.map(() => new Set<number>())
  if (lines.length === 0) return twins
  for (const line of await recorded(lines)) mark(line)
  // Within the batch the later one is held.
  for (const same of Map.groupBy(lines, ({ payment }) => termsOf(payment)).values()) {
    same.forEach((line, i) => {
      const earlier = same.slice(0, i).some(({ deviceId, payment }) => {
        return deviceId !== line.deviceId && Math.abs(payment.initiatedAtMs - line.payment.initiatedAtMs) <= WINDOW_MS
      })
      if (earlier) mark(line)
    })
  }
  return twins

  function mark({ of, payment }: TwinLine): void {
    twins[of]?.add(payment.counter)
  }
}

async function recordedTwins(pool: pg.Pool, lines: readonly TwinLine[]): Promise<readonly TwinLine[]> {
  const { rows } = await pool.query<{ no: number }>(
    `SELECT x.no
     FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[])
          WITH ORDINALITY AS x (device_id, sender, receiver, amount_minor, currency, initiated_at, no)
     WHERE EXISTS (
       SELECT FROM offline_transactions t
       WHERE t.sender = x.sender AND t.initiated_at BETWEEN x.initiated_at - $7::interval AND x.initiated_at + $7::interval
         AND t.device_id <> x.device_id AND t.receiver = x.receiver AND t.amount_minor = x.amount_minor
         AND t.currency = x.currency AND t.status NOT IN ('refused', 'failed', 'reversed'))`,
    [
      lines.map(({ deviceId }) => deviceId),
      lines.map(({ payment }) => payment.sender),
      lines.map(({ payment }) => payment.receiver),
      lines.map(({ payment }) => payment.amount),
      lines.map(({ payment }) => payment.currency),
      lines.map(({ payment }) => new Date(payment.initiatedAtMs)),
      `${WINDOW_MS} milliseconds`,
    ],
  )
  return rows.flatMap(({ no }) => lines[no - 1] ?? [])
}

const termsOf = ({ sender, receiver, amount, currency }: Payment) =>
  JSON.stringify([sender, receiver, amount, currency])
