import type { Book } from './pglite.ts'

/** Whether a statement may change what `brokenNow` looks at: no other function of the ledger is the application's to call. */
export const movesMoney = (sql: string): boolean =>
  /\boffline_(record_transactions|apply_\w+|expire_\w+|prove_\w+)\(/.test(sql)

/**
 * What must hold after each transaction: one statement over sums and counts, a millisecond or less. Amounts are minor
 * units.
 */
export function brokenNow(book: Book): string[] {
  return book.read<{ what: string }>(BROKEN_NOW).map(({ what }) => what)
}

const BROKEN_NOW = `
  SELECT 'the balances of ' || currency || ' sum to ' || sum(balance_minor) AS what
  FROM wallet_core.accounts GROUP BY currency HAVING sum(balance_minor) <> 0
  UNION ALL
  SELECT transfers || ' transfers have ' || entries || ' entries, and the accounts count ' || counted
  FROM (SELECT (SELECT count(*) FROM wallet_core.transfers) AS transfers,
               (SELECT count(*) FROM wallet_core.entries) AS entries,
               (SELECT coalesce(sum(entry_seq), 0) FROM wallet_core.accounts) AS counted) n
  WHERE entries <> 2 * transfers OR counted <> entries
  UNION ALL
  SELECT 'account ' || a.account_id || ' has ' || a.balance_minor || ', and its last entry says '
           || coalesce(e.balance_minor::text, 'nothing')
  FROM wallet_core.accounts a
  LEFT JOIN wallet_core.entries e ON e.account_id = a.account_id AND e.seq = a.entry_seq
  WHERE a.balance_minor <> coalesce(e.balance_minor, 0)
  UNION ALL
  SELECT 'account ' || a.account_id || ' has ' || a.balance_minor || ' and holds ' || a.held_minor
           || ', its open holds say ' || coalesce(h.held_minor, 0)
  FROM wallet_core.accounts a
  LEFT JOIN (SELECT account_id, sum(amount_minor) AS held_minor
             FROM (SELECT account_id, amount_minor FROM wallet_core.holds WHERE ended_at IS NULL
                   UNION ALL SELECT account_id, ceiling_minor - consumed_minor - returned_minor FROM wallet_core.allowances) o
             GROUP BY account_id) h USING (account_id)
  WHERE a.held_minor <> coalesce(h.held_minor, 0) OR a.balance_minor - a.held_minor < a.floor_minor
  UNION ALL
  SELECT 'money is held for ' || h.source_id || '/' || h.source_no || ', which is ' || coalesce(t.status, 'not known')
  FROM wallet_core.holds h
  LEFT JOIN offline_transactions t ON t.device_id = h.source_id AND t.counter = h.source_no
  WHERE h.ended_at IS NULL AND coalesce(t.status NOT IN ('review', 'quarantined'), true)
  UNION ALL
  SELECT paid || ' payments moved money and ' || reversed || ' gave it back, in ' || payments || ' and ' || reversals
           || ' transfers'
  FROM (SELECT count(*) FILTER (WHERE status IN ('succeeded', 'reversed')) AS paid,
               count(*) FILTER (WHERE status = 'reversed') AS reversed FROM offline_transactions) p,
       (SELECT count(*) FILTER (WHERE kind = 'payment') AS payments,
               count(*) FILTER (WHERE kind = 'reversal') AS reversals FROM wallet_core.transfers) t
  WHERE paid <> payments OR reversed <> reversals`
