import type pg from 'pg'
import { expect } from 'vitest'

export interface TestPayment {
  readonly source: string
  readonly no: number
  readonly from: string
  readonly to: string
  readonly amount: number
  readonly currency?: string
  readonly type?: string
  readonly fee?: { readonly amount: number; readonly bearer: 'payer' | 'payee'; readonly account?: string }
  /** `post` when left out. */
  readonly step?: 'post' | 'hold' | 'release'
  /** The allowance that its payer signed it under. */
  readonly allowance?: number
}

export interface Posted {
  readonly no: number
  readonly result: string
  readonly reason: string | null
  readonly transfer_id: string | null
  readonly hold: string | null
  readonly covered_minor: number | null
  readonly missing_minor: number | null
  readonly waived_minor: number | null
}

/** Posts a batch as the settlement functions do, as the owner of the schema. */
export async function post(
  owner: pg.Pool | pg.ClientBase,
  payments: readonly TestPayment[],
): Promise<readonly Posted[]> {
  const { rows } = await owner.query<Posted>(
    `SELECT * FROM wallet_core.post_transfers('payment', (
       SELECT array_agg(ROW(source_id, source_no, type, debit, credit, amount_minor, currency, fee_minor, fee_bearer,
                            fee_account, step)::wallet_core.requested_transfer ORDER BY no)
       FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[],
                   $9::text[], $10::text[], $11::text[])
            WITH ORDINALITY AS x (source_id, source_no, type, debit, credit, amount_minor, currency, fee_minor,
                                  fee_bearer, fee_account, step, no)), now(), $12::bigint[])`,
    [
      payments.map(({ source }) => source),
      payments.map(({ no }) => no),
      payments.map(({ type }) => type ?? 'p2p'),
      payments.map(({ from }) => from),
      payments.map(({ to }) => to),
      payments.map(({ amount }) => amount),
      payments.map(({ currency }) => currency ?? 'XOF'),
      payments.map(({ fee }) => fee?.amount ?? 0),
      payments.map(({ fee }) => fee?.bearer ?? null),
      payments.map(({ fee }) => fee && (fee.account ?? 'system:fees:SN:XOF')),
      payments.map(({ step }) => step ?? null),
      payments.map(({ allowance }) => allowance ?? null),
    ],
  )
  return rows
}

/** `posted`, or the reason of the failure. */
export const answers = (posted: readonly Posted[]) => posted.map(({ result, reason }) => reason ?? result)

/** What must hold of the whole book at any time. */
export async function expectSoundBook(app: pg.Pool): Promise<void> {
  const { rows: sums } = await app.query('SELECT * FROM wallet_core.currency_sums WHERE sum_minor <> 0')
  expect(sums).toEqual([])
  const { rows: wrong } = await app.query(`
    SELECT a.wallet_id FROM wallet_core.accounts a
    LEFT JOIN LATERAL (
      SELECT count(*) AS entries, coalesce(sum(amount_minor), 0) AS balance, coalesce(max(seq), 0) AS last
      FROM wallet_core.entries e WHERE e.account_id = a.account_id) e ON true
    WHERE a.balance_minor <> e.balance OR a.entry_seq <> e.entries OR a.entry_seq <> e.last
       OR a.balance_minor - a.held_minor < a.floor_minor`)
  expect(wrong).toEqual([])
  const { rows: held } = await app.query(`
    SELECT a.wallet_id, a.held_minor FROM wallet_core.accounts a
    LEFT JOIN (SELECT account_id, amount_minor FROM wallet_core.holds WHERE ended_at IS NULL
               UNION ALL SELECT account_id, held_minor FROM wallet_core.allowances) h USING (account_id)
    GROUP BY a.account_id HAVING a.held_minor <> coalesce(sum(h.amount_minor), 0)`)
  expect(held).toEqual([])
  const { rows: running } = await app.query(`
    SELECT e.account_id, e.seq FROM (
      SELECT account_id, seq, balance_minor,
             sum(amount_minor) OVER (PARTITION BY account_id ORDER BY seq) AS derived FROM wallet_core.entries) e
    JOIN wallet_core.accounts a USING (account_id)
    WHERE e.balance_minor <> derived OR e.balance_minor < a.floor_minor`)
  expect(running).toEqual([])
  const { rows: sides } = await app.query(`
    SELECT t.transfer_id FROM wallet_core.transfers t LEFT JOIN wallet_core.entries e USING (transfer_id)
    GROUP BY t.transfer_id, t.amount_minor, t.debit_account_id, t.credit_account_id
    HAVING count(e) <> 2
        OR sum(e.amount_minor) FILTER (WHERE e.account_id = t.debit_account_id AND e.amount_minor < 0) <> -t.amount_minor
        OR sum(e.amount_minor) FILTER (WHERE e.account_id = t.credit_account_id AND e.amount_minor > 0) <> t.amount_minor`)
  expect(sides).toEqual([])
}
