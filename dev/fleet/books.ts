import pg from 'pg'
import type { FleetDevice } from './market-device.ts'

/** What the devices say, held against what the book says. */
export interface Reconciliation {
  /** Payments that people were told are paid. */
  readonly payments: number
  /** Payments that the devices' own rules refused to take. */
  readonly declined: number
  readonly bundles: number
  /** Payments whose verified receipt a device holds. */
  readonly receipts: number
  readonly posted: number
  readonly failed: number
  readonly refused: number
  /** For a person's decision. */
  readonly waiting: number
  /** Taken, and neither in the book nor safe on its device. Must be 0. */
  readonly lost: number
  /** In the book more than once, or with another amount or outcome than the device was told. Must be 0. */
  readonly duplicated: number
  /** Sum of all entries. Must be 0. */
  readonly ledger_sum: number
  readonly reasons: Readonly<Record<string, number>>
}

/** Devices, with what people were told they took and what they refused to take. */
interface Told {
  readonly devices: readonly (Pick<FleetDevice, 'sdk' | 'declined'> & { readonly taken: ReadonlySet<string> })[]
  readonly deviceIds: readonly string[]
}

interface BookRow {
  readonly local_id: string
  readonly status: string
  readonly reason: string | null
  readonly amount_minor: string
  readonly transfers: number
  readonly balanced: boolean
}

/** Every payment of these devices in the book, with the transfers that carry its name. */
const PAYMENTS = `
  SELECT t.device_id || '/' || t.counter AS local_id, t.status, t.reason, t.amount_minor::text,
    (SELECT count(*) FROM wallet_core.transfers x
      WHERE x.source_id = t.device_id AND x.source_no = t.counter AND x.kind = 'payment')::int AS transfers,
    (SELECT count(*) = 2 AND sum(e.amount_minor) = 0 AND max(e.amount_minor) = t.amount_minor
      FROM wallet_core.entries e WHERE e.transfer_id = t.transfer_id) AS balanced
  FROM offline_transactions t WHERE t.device_id = ANY ($1)`

export async function reconcileDay(databaseUrl: string, fleet: Told): Promise<Reconciliation> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    const { rows } = await client.query<BookRow>(PAYMENTS, [fleet.deviceIds])
    const bundles = await client.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM offline_tx_bundles WHERE device_id = ANY ($1)',
      [fleet.deviceIds],
    )
    const sum = await client.query<{ sum: string }>(
      'SELECT coalesce(sum(abs(sum_minor)), 0)::text AS sum FROM wallet_core.currency_sums',
    )
    return { ...compare(rows, fleet), bundles: bundles.rows[0]?.n ?? 0, ledger_sum: Number(sum.rows[0]?.sum) }
  } finally {
    await client.end()
  }
}

function compare(rows: readonly BookRow[], fleet: Told): Omit<Reconciliation, 'bundles' | 'ledger_sum'> {
  const book = new Map(rows.map((row) => [row.local_id, row]))
  let receipts = 0
  let lost = 0
  let wrong = 0
  for (const { sdk, taken } of fleet.devices) {
    for (const localId of taken) {
      const payment = sdk.getTransaction(localId)
      const row = book.get(localId)
      if (payment?.receipted) receipts++
      // Not in the book is fine only while the device still has it to send.
      if (row === undefined && (payment === undefined || payment.receipted)) lost++
      if (row === undefined || payment === undefined) continue
      const agrees = row.status === payment.status && Number(row.amount_minor) === payment.amount
      if (payment.receipted && payment.status !== 'pending' && !agrees) wrong++
    }
  }
  const took = new Set(fleet.devices.flatMap(({ taken }) => [...taken]))
  for (const row of rows) {
    const posted = row.status === 'succeeded'
    const right = took.has(row.local_id) && row.transfers === (posted ? 1 : 0) && (!posted || row.balanced)
    if (!right) wrong++
  }
  const with_ = (...statuses: readonly string[]) => rows.filter(({ status }) => statuses.includes(status)).length
  const reasons: Record<string, number> = {}
  for (const { status, reason } of rows) {
    if (reason !== null) reasons[`${status}:${reason}`] = (reasons[`${status}:${reason}`] ?? 0) + 1
  }
  for (const { declined } of fleet.devices) {
    for (const [reason, count] of declined) reasons[`declined:${reason}`] = (reasons[`declined:${reason}`] ?? 0) + count
  }
  return {
    payments: took.size,
    declined: fleet.devices.flatMap(({ declined }) => [...declined.values()]).reduce((a, b) => a + b, 0),
    receipts,
    posted: with_('succeeded'),
    failed: with_('failed'),
    refused: with_('refused'),
    waiting: with_('review', 'quarantined'),
    lost,
    duplicated: wrong,
    reasons,
  }
}
