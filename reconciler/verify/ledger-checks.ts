import type { Check } from './check.ts'

/** The ledger by itself: what its constraints cannot say, because the hot tables have no foreign keys. */
export const LEDGER_CHECKS: readonly Check[] = [
  {
    name: 'currency_sums',
    promise: 'the sum of all entries is zero for each currency',
    sql: `SELECT currency, sum_minor FROM wallet_core.currency_sums WHERE sum_minor <> 0`,
  },
  {
    name: 'account_balances',
    promise: 'each account’s balance and number of entries are those of its entries',
    sql: `
      SELECT coalesce(a.account_id, e.account_id) AS account_id, a.balance_minor, e.balance_minor AS of_entries_minor,
             a.entry_seq, e.entries
      FROM wallet_core.accounts a
      FULL JOIN (SELECT account_id, count(*) AS entries, sum(amount_minor) AS balance_minor
                 FROM wallet_core.entries GROUP BY account_id) e USING (account_id)
      WHERE (a.balance_minor, a.entry_seq) IS DISTINCT FROM (coalesce(e.balance_minor, 0), coalesce(e.entries, 0))`,
  },
  {
    name: 'running_balances',
    promise: 'entries of an account are numbered without a gap and each carries the balance after it',
    sql: `
      SELECT account_id, seq
      FROM (SELECT account_id, seq, amount_minor, balance_minor, lag(seq, 1, 0::bigint) OVER chain AS seq_before,
                   lag(balance_minor, 1, 0::bigint) OVER chain AS balance_before
            FROM wallet_core.entries WINDOW chain AS (PARTITION BY account_id ORDER BY seq)) e
      WHERE seq <> seq_before + 1 OR balance_minor <> balance_before + amount_minor`,
  },
  {
    name: 'floors',
    promise: 'no account is or was below its floor, or holds more than it has above it',
    sql: `
      SELECT account_id, NULL::bigint AS seq FROM wallet_core.accounts WHERE balance_minor - held_minor < floor_minor
      UNION ALL
      SELECT e.account_id, e.seq FROM wallet_core.entries e JOIN wallet_core.accounts a USING (account_id)
      WHERE e.balance_minor < a.floor_minor`,
  },
  {
    name: 'held_money',
    promise: 'what each account holds is the sum of its open holds, and of what its allowances hold still',
    sql: `
      SELECT coalesce(a.account_id, h.account_id) AS account_id, a.held_minor, h.held_minor AS of_holds_minor
      FROM wallet_core.accounts a
      FULL JOIN (SELECT account_id, sum(amount_minor) AS held_minor
                 FROM (SELECT account_id, amount_minor FROM wallet_core.holds WHERE ended_at IS NULL
                       UNION ALL
                       SELECT account_id, held_minor FROM wallet_core.allowances WHERE held_minor <> 0) o
                 GROUP BY account_id) h USING (account_id)
      WHERE a.held_minor IS DISTINCT FROM coalesce(h.held_minor, 0)`,
  },
  {
    name: 'transfer_entries',
    promise: 'each transfer has its two entries, of its amount, on its accounts, and no entry is without a transfer',
    sql: `
      SELECT coalesce(t.transfer_id, e.transfer_id) AS transfer_id, t.kind, e.entries
      FROM wallet_core.transfers t
      FULL JOIN (SELECT transfer_id, count(*) AS entries, min(amount_minor) AS debit_minor,
                        max(amount_minor) AS credit_minor,
                        max(account_id) FILTER (WHERE amount_minor < 0) AS debit_account_id,
                        max(account_id) FILTER (WHERE amount_minor > 0) AS credit_account_id,
                        min(posted_at) AS first_at, max(posted_at) AS last_at
                 FROM wallet_core.entries GROUP BY transfer_id) e USING (transfer_id)
      WHERE (2, -t.amount_minor, t.amount_minor, t.debit_account_id, t.credit_account_id, t.posted_at, t.posted_at)
        IS DISTINCT FROM (e.entries, e.debit_minor, e.credit_minor, e.debit_account_id, e.credit_account_id,
                          e.first_at, e.last_at)`,
  },
  {
    name: 'transfer_accounts',
    promise:
      'each transfer is between accounts that exist, in their currency; payments never touch the system’s, and new money comes out of it',
    sql: `
      SELECT t.transfer_id, t.kind, t.currency, d.currency AS debit_currency, c.currency AS credit_currency
      FROM wallet_core.transfers t
      LEFT JOIN wallet_core.accounts d ON d.account_id = t.debit_account_id
      LEFT JOIN wallet_core.accounts c ON c.account_id = t.credit_account_id
      WHERE (t.currency, t.currency) IS DISTINCT FROM (d.currency, c.currency)
         OR t.kind = 'payment' AND 'system' IN (d.kind, c.kind)
         OR t.kind = 'funding' AND (d.wallet_id, c.kind = 'system') IS DISTINCT FROM ('system:treasury:' || t.currency, false)`,
  },
  {
    name: 'account_holders',
    promise: 'each account has a holder and a tenant, but for the system’s',
    sql: `
      SELECT coalesce(a.account_id, h.account_id) AS account_id, a.kind
      FROM (SELECT account_id, kind FROM wallet_core.accounts) a
      FULL JOIN (SELECT account_id FROM wallet_core.account_holders) h USING (account_id)
      WHERE coalesce(a.kind, 'none') IN ('system', 'none') <> (h.account_id IS NULL)`,
  },
]
