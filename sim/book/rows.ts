import type { BookedDevice } from '../book-view.ts'
import type { Book } from './pglite.ts'

/** What a run compares with devices and edge. Read at once, between two transactions. */
export interface TransactionRow {
  readonly deviceId: string
  readonly counter: number
  readonly bundleId: string
  readonly status: string
  readonly reason: string | null
  /** Minor units. */
  readonly amount: number
  readonly sender: string
  readonly receiver: string
  readonly transferId: string | null
  readonly reversalTransferId: string | null
  readonly payerProven: boolean
}

export const transactionRows = (book: Book): readonly TransactionRow[] =>
  book.read(
    `SELECT device_id AS "deviceId", counter, bundle_id AS "bundleId", status, reason, amount_minor AS amount, sender,
            receiver, transfer_id AS "transferId", reversal_transfer_id AS "reversalTransferId",
            payer_proven AS "payerProven"
     FROM offline_transactions ORDER BY device_id, counter`,
  )

/** Wallet → minor units; the system's accounts too. */
export const walletBalances = (book: Book): ReadonlyMap<string, number> =>
  new Map(
    book
      .read<{ wallet: string; balance: number }>(
        `SELECT wallet_id AS wallet, balance_minor AS balance FROM wallet_core.accounts ORDER BY wallet_id COLLATE "C"`,
      )
      .map(({ wallet, balance }) => [wallet, balance]),
  )

export interface BundleRow {
  readonly deviceId: string
  readonly bundleId: string
  readonly seq: number
  readonly digest: Buffer
  readonly receipt: Buffer
  readonly status: string
  readonly rev: number
}

export const bundleRows = (book: Book): readonly BundleRow[] =>
  book.read(
    `SELECT device_id AS "deviceId", bundle_id AS "bundleId", seq, b.digest, s.receipt, status, rev
     FROM offline_tx_bundles b JOIN offline_signed_bundles s USING (device_id, bundle_id) ORDER BY device_id, seq, bundle_id`,
  )

export const deviceRows = (book: Book): readonly BookedDevice[] =>
  book.read("SELECT device_id AS id, status, encode(kid, 'hex') AS kid, rev FROM offline_devices ORDER BY device_id")

/** What waits, in sentences: nothing of it is wrong by itself, and at quiet only what needs a person or money is left. */
export function underWay(book: Book): string[] {
  return book
    .read<{ what: string }>(
      `SELECT 'inbox row ' || id || ' (' || kind || ') is pending: '
                || coalesce('waits for ' || waiting_for, last_error, 'not looked at') AS what
       FROM offline_sync_queue WHERE status = 'pending'
       UNION ALL
       SELECT 'the edge has not been told the newest of ' || concat_ws('/', device_id, bundle_id, resolution_rev)
                || coalesce(': ' || last_error, '')
       FROM offline_outbox WHERE delivered_version < version
       UNION ALL
       SELECT 'the resolution ' || device_id || '/' || rev || ' of ' || counter || ' waits for '
                || coalesce(waiting_for, 'nothing')
       FROM offline_open_resolutions WHERE waiting_for IS DISTINCT FROM 'money'
       ORDER BY 1`,
    )
    .map(({ what }) => what)
}
