import type pg from 'pg'
import type { NewRows } from './new-rows.ts'

/**
 * What new rows are about, as far as it has to be looked at together: whole payments with their transfers and holds, whole
 * bundles with all of their payments. Checks of the whole book hold of such a part by itself.
 */
export interface Scope {
  /** `[device_id or source_id, counter or source_no]` */
  readonly sources: readonly (readonly [string, number])[]
  readonly bundles: readonly (readonly [string, string])[]
  readonly accounts: readonly number[]
  readonly devices: readonly string[]
  /** Paying devices whose allowances have changed, or payments under them. */
  readonly payers: readonly string[]
}

export async function scopeOf(client: pg.ClientBase, rows: NewRows): Promise<Scope> {
  const touched = distinct([
    ...[...rows.transfers, ...rows.holds].map(({ source_id, source_no }) => [source_id, source_no] as const),
    ...[
      rows.payments,
      rows.authorizations,
      rows.approvals,
      rows.resolutions,
      rows.answers,
      rows.mandated,
      rows.covered,
    ].flatMap((some) => some.map(({ device_id, counter }) => [device_id, counter] as const)),
  ])
  const { rows: theirs } = await client.query<{ device_id: string; bundle_id: string }>(
    `SELECT DISTINCT t.device_id, t.bundle_id FROM unnest($1::text[], $2::bigint[]) AS s (device_id, counter)
     CROSS JOIN LATERAL (SELECT device_id, bundle_id FROM offline_transactions
                         WHERE device_id = s.device_id AND counter = s.counter OFFSET 0) t`,
    columns(touched),
  )
  const bundles = distinct(
    [...rows.bundles, ...rows.copies, ...theirs].map(({ device_id, bundle_id }) => [device_id, bundle_id] as const),
  )
  const { rows: payments } = await client.query<{ device_id: string; counter: number }>(
    `SELECT t.device_id, t.counter FROM unnest($1::text[], $2::text[]) AS b (device_id, bundle_id)
     CROSS JOIN LATERAL (SELECT device_id, counter FROM offline_transactions
                         WHERE device_id = b.device_id AND bundle_id = b.bundle_id OFFSET 0) t`,
    columns(bundles),
  )
  return {
    sources: distinct([...touched, ...payments.map(({ device_id, counter }) => [device_id, counter] as const)]),
    bundles,
    accounts: [
      ...new Set([
        ...[...rows.accounts, ...rows.entries, ...rows.holds, ...rows.allowances].map(({ account_id }) => account_id),
        ...rows.transfers.flatMap(({ debit_account_id, credit_account_id }) => [debit_account_id, credit_account_id]),
      ]),
    ],
    devices: [
      ...new Set(
        [rows.devices, rows.keys, rows.messages, rows.consents, rows.codes, rows.tries].flatMap((some) =>
          some.map(({ device_id }) => device_id),
        ),
      ),
    ],
    payers: [
      ...new Set(
        [rows.allowances, rows.orders, rows.covered, rows.misuses].flatMap((some) =>
          some.map(({ payer_device_id }) => payer_device_id),
        ),
      ),
    ],
  }
}

function distinct<T extends readonly unknown[]>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
}

/** Pairs as the two arrays that `unnest` takes. */
export const columns = <A, B>(pairs: readonly (readonly [A, B])[]): [A[], B[]] => [
  pairs.map(([a]) => a),
  pairs.map(([, b]) => b),
]
