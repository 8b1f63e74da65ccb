/** A promise, and the query that finds what breaks it. Written without a look at reconciler/verify. */
interface IndependentCheck {
  readonly promise: string
  readonly sql: string
}

export const INDEPENDENT: readonly IndependentCheck[] = [
  {
    promise: 'every transfer takes from one account what it gives to the other',
    sql: `SELECT t.transfer_id FROM wallet_core.transfers t
      LEFT JOIN wallet_core.entries e USING (transfer_id)
      GROUP BY t.transfer_id
      HAVING count(*) <> 2 OR sum(e.amount_minor) <> 0
          OR sum(e.amount_minor) FILTER (WHERE e.account_id = t.debit_account_id) IS DISTINCT FROM -t.amount_minor
          OR sum(e.amount_minor) FILTER (WHERE e.account_id = t.credit_account_id) IS DISTINCT FROM t.amount_minor`,
  },
  {
    promise: 'an account has what its entries sum to',
    sql: `SELECT a.account_id FROM wallet_core.accounts a LEFT JOIN wallet_core.entries e USING (account_id)
      GROUP BY a.account_id HAVING a.balance_minor <> coalesce(sum(e.amount_minor), 0) OR a.entry_seq <> count(e.seq)`,
  },
  {
    promise: 'nothing is posted twice for one source',
    sql: `SELECT source_id, kind, source_no FROM wallet_core.transfers
      GROUP BY source_id, kind, source_no HAVING count(*) > 1`,
  },
  {
    promise: 'a payment that succeeded has one transfer, one that was reversed another one back, and the rest none',
    sql: `SELECT t.device_id, t.counter, t.status FROM offline_transactions t
      LEFT JOIN wallet_core.transfers x ON x.source_id = t.device_id AND x.source_no = t.counter
      GROUP BY t.device_id, t.counter
      HAVING count(*) FILTER (WHERE x.kind = 'payment') <> (t.status IN ('succeeded', 'reversed'))::int
          OR count(*) FILTER (WHERE x.kind = 'reversal') <> (t.status = 'reversed')::int
          OR min(x.transfer_id::text) FILTER (WHERE x.kind = 'payment') IS DISTINCT FROM t.transfer_id::text
          OR min(x.transfer_id::text) FILTER (WHERE x.kind = 'reversal')
             IS DISTINCT FROM t.reversal_transfer_id::text`,
  },
  {
    promise: 'no transfer is for a payment that is not in the book',
    sql: `SELECT x.source_id, x.source_no FROM wallet_core.transfers x
      WHERE x.kind <> 'funding' AND NOT EXISTS (
        SELECT FROM offline_transactions t WHERE t.device_id = x.source_id AND t.counter = x.source_no)`,
  },
  {
    promise: 'each bundle was settled once on record',
    sql: `SELECT b.device_id, b.bundle_id FROM offline_tx_bundles b
      LEFT JOIN offline_audit_logs l
        ON l.device_id = b.device_id AND l.bundle_id = b.bundle_id AND l.action = 'bundle_settled'
      GROUP BY b.device_id, b.bundle_id HAVING count(l.seq) <> 1`,
  },
  {
    promise: 'each audit record follows the one before it',
    sql: `SELECT l.stream, l.seq FROM offline_audit_logs l
      LEFT JOIN offline_audit_logs p ON p.stream = l.stream AND p.seq = l.seq - 1
      WHERE l.prev_hash <> coalesce(p.hash, ''::bytea) OR (p.seq IS NULL) <> (l.seq = 1)`,
  },
  {
    promise: 'a payer’s signature is used for one payment',
    sql: `SELECT payer_device_id, encode(request_id, 'hex') AS request_id FROM offline_payer_authorizations
      GROUP BY payer_device_id, request_id HAVING count(*) > 1`,
  },
  {
    promise:
      'above its policy’s limit nothing has moved without an agent’s approval, and one approval is for one payment',
    sql: `SELECT t.device_id, t.counter FROM offline_transactions t
      JOIN offline_tx_bundles b USING (device_id, bundle_id)
      JOIN offline_policies p ON p.country = b.country AND p.version = b.policy_version
      WHERE t.transfer_id IS NOT NULL AND t.amount_minor > p.require_agent_approval_above
        AND (SELECT count(*) FROM offline_agent_approvals a
             WHERE a.device_id = t.device_id AND a.counter = t.counter) <> 1
      UNION ALL
      SELECT device_id, min(counter) FROM offline_agent_approvals
      GROUP BY device_id, request_id HAVING count(*) > 1`,
  },
]
