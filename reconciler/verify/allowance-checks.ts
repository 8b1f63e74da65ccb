import type { Check } from './check.ts'

/** Allowances by themselves: what was held for a phone, what came of it, and by whose word. */
export const ALLOWANCE_CHECKS: readonly Check[] = [
  {
    name: 'allowances',
    promise:
      'what each allowance holds, gave and gave back is its ceiling; it was opened by its device’s order, gave what its payments say, and ended with all that its device signed, or by its time',
    sql: `
      SELECT a.device_id, a.no, a.state, a.ceiling_minor, a.consumed_minor, a.returned_minor, a.held_minor
      FROM wallet_core.allowances a
      LEFT JOIN wallet_core.accounts w USING (account_id)
      LEFT JOIN (SELECT payer_device_id, allowance_no, sum(covered_minor) AS covered_minor, count(DISTINCT n) AS numbers
                 FROM offline_allowance_payments GROUP BY payer_device_id, allowance_no) p
        ON p.payer_device_id = a.device_id AND p.allowance_no = a.no
      LEFT JOIN (SELECT payer_device_id, allowance_no, min(found_at) AS found_at
                 FROM offline_allowance_evidence GROUP BY payer_device_id, allowance_no) e
        ON e.payer_device_id = a.device_id AND e.allowance_no = a.no
      WHERE NOT coalesce(
        a.ceiling_minor = a.consumed_minor + a.returned_minor + a.held_minor AND least(a.consumed_minor, a.returned_minor, a.held_minor) >= 0
          AND a.consumed_minor = coalesce(p.covered_minor, 0) AND (a.ended_at IS NULL OR a.held_minor = 0)
          AND (a.ended_at IS NOT NULL OR a.returned_minor = 0)
          AND EXISTS (SELECT FROM offline_allowance_orders o
                      WHERE (o.payer_device_id, o.no, o.choice, o.result) = (a.device_id, a.no, 'open', 'opened') AND o.is_his
                        AND (o.wallet, o.currency, o.ceiling_minor) = (w.wallet_id, a.currency, a.ceiling_minor) AND w.currency = a.currency)
          AND (a.stated_n IS NOT NULL) = EXISTS (
                SELECT FROM offline_allowance_orders o
                WHERE (o.payer_device_id, o.no, o.choice, o.result) = (a.device_id, a.no, 'close', 'closing') AND o.is_his
                  AND (o.n, o.spent_minor) = (a.stated_n, a.stated_spent))
          AND CASE a.state WHEN 'open' THEN a.stated_n IS NULL
                           WHEN 'closing' THEN a.stated_n <> coalesce(p.numbers, 0) OR e.found_at IS NOT NULL
                           -- What came after its end is against its statement.
                           WHEN 'closed' THEN a.stated_n <= coalesce(p.numbers, 0) AND (e.found_at IS NULL OR e.found_at >= a.ended_at)
                           ELSE a.ended_at >= a.ends_at END, false)`,
  },
  {
    name: 'allowance_orders',
    promise: 'each order about an allowance is open, or came to what the allowance is',
    sql: `
      SELECT o.payer_device_id, o.rev, o.choice, o.no, o.result FROM offline_allowance_orders o
      LEFT JOIN wallet_core.allowances a ON a.device_id = o.payer_device_id AND a.no = o.no
      WHERE o.result IN ('opened', 'closing')
        AND NOT coalesce(CASE o.choice WHEN 'open' THEN o.result = 'opened' AND a.ceiling_minor = o.ceiling_minor
                                       ELSE o.result = 'closing' AND (a.stated_n, a.stated_spent) = (o.n, o.spent_minor) END, false)`,
  },
  {
    name: 'allowance_evidence',
    promise: 'phones that signed what cannot all be true are on record, and no others',
    sql: `
      WITH named AS (SELECT DISTINCT payer_device_id, allowance_no FROM offline_allowance_payments
                     UNION SELECT payer_device_id, allowance_no FROM offline_allowance_evidence)
      SELECT n.payer_device_id, n.allowance_no FROM named n
      WHERE EXISTS (SELECT FROM offline_allowance_contradictions(n.payer_device_id, n.allowance_no)) <>
            EXISTS (SELECT FROM offline_allowance_evidence e
                    WHERE (e.payer_device_id, e.allowance_no) = (n.payer_device_id, n.allowance_no))`,
  },
]

/** Of payments that were signed under an allowance, each by itself. */
export const COVERED_CHECK: Check = {
  name: 'covered_payments',
  promise:
    'each payment under an allowance is its payer’s signature used up, out of the wallet that the allowance is of; what was missing failed, and nothing else fell short',
  sql: `
    SELECT coalesce(x.device_id, p.device_id) AS device_id, coalesce(x.counter, p.counter) AS counter, p.status, p.reason,
           x.covered_minor, x.missing_minor
    FROM offline_allowance_payments x
    FULL JOIN offline_transactions p ON p.device_id = x.device_id AND p.counter = x.counter
    LEFT JOIN wallet_core.allowances a ON a.device_id = x.payer_device_id AND a.no = x.allowance_no
    LEFT JOIN wallet_core.accounts w ON w.account_id = a.account_id
    WHERE (x.device_id IS NOT NULL OR p.reason = 'allowance_shortfall')
      AND NOT coalesce(
        (w.wallet_id, a.currency, x.amount_minor) = (p.sender, p.currency, p.amount_minor) AND p.status NOT IN ('refused', 'claimed')
          AND (x.waived_minor = 0 OR p.fee_minor = 0)
          AND (x.covered_minor = 0 OR p.status IN ('succeeded', 'reversed') OR EXISTS (
                SELECT FROM wallet_core.holds h WHERE h.source_id = p.device_id AND h.source_no = p.counter))
          AND (x.missing_minor > 0) = (p.status = 'failed' AND p.reason = 'allowance_shortfall')
          AND EXISTS (SELECT FROM offline_payer_authorizations s
                      WHERE (s.device_id, s.counter, s.payer_device_id) = (x.device_id, x.counter, x.payer_device_id)), false)`,
}
