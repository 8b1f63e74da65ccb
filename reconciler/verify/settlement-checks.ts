import { MANDATED_PER_DAY_MAX } from '../../src/protocol/limits.ts'
import { ALLOWANCE_CHECKS, COVERED_CHECK } from './allowance-checks.ts'
import type { Check } from './check.ts'

/**
 * A consent may be withdrawn by one object while another one admits what its device signed, and the book may hear of either first: what it
 * posted before it had heard was right. So long after, at most, a batch is posted by what was read before, or by a clock that goes
 * wrong.
 */
export const KNOWN_LATE_MINUTES = 10

/** A tenant speaks for its merchants and agents, and for a customer's wallet `w` its holder alone, by a device or a code. */
const SPOKEN_FOR = "(w.kind IN ('merchant', 'agent') OR c.giver IS NOT NULL OR c.by_holder)"

/** What the edge admitted, what the book holds of it, and that each follows from the other. */
export const SETTLEMENT_CHECKS: readonly Check[] = [
  {
    name: 'payments_posted',
    promise: 'each payment that succeeded has exactly its transfer, and no other payment has one',
    sql: `
      SELECT coalesce(p.device_id, t.source_id) AS device_id, coalesce(p.counter, t.source_no) AS counter, p.status,
             p.transfer_id, t.transfer_id AS in_the_ledger
      FROM offline_transactions p
      FULL JOIN (SELECT t.*, d.wallet_id AS sender, c.wallet_id AS receiver
                 FROM wallet_core.transfers t
                 LEFT JOIN wallet_core.accounts d ON d.account_id = t.debit_account_id
                 LEFT JOIN wallet_core.accounts c ON c.account_id = t.credit_account_id
                 WHERE t.kind = 'payment') t ON t.source_id = p.device_id AND t.source_no = p.counter
      WHERE coalesce(p.status IN ('succeeded', 'reversed'), false) <> (t.transfer_id IS NOT NULL)
         OR p.transfer_id IS DISTINCT FROM t.transfer_id
         OR t.transfer_id IS NOT NULL AND (p.amount_minor, p.currency, p.sender, p.receiver)
              IS DISTINCT FROM (t.amount_minor, t.currency, t.sender, t.receiver)`,
  },
  {
    name: 'reversals',
    promise:
      'each reversed payment has exactly one transfer that gives back what its refunds have not, and nothing else is undone',
    sql: `
      SELECT coalesce(p.device_id, r.source_id) AS device_id, coalesce(p.counter, r.source_no) AS counter, p.status,
             r.transfer_id
      FROM (SELECT p.device_id, p.counter, p.status, p.reversal_transfer_id, t.debit_account_id, t.credit_account_id,
                   t.amount_minor - offline_refunded_minor(p.device_id, p.counter) AS amount_minor, t.currency
            FROM offline_transactions p JOIN wallet_core.transfers t USING (transfer_id)
            WHERE p.status = 'reversed') p
      FULL JOIN (SELECT * FROM wallet_core.transfers WHERE kind = 'reversal') r
        ON r.source_id = p.device_id AND r.source_no = p.counter
      WHERE (p.reversal_transfer_id, p.credit_account_id, p.debit_account_id, p.amount_minor, p.currency)
        IS DISTINCT FROM (r.transfer_id, r.debit_account_id, r.credit_account_id, r.amount_minor, r.currency)`,
  },
  {
    name: 'refunds',
    promise:
      'each refund that moved money names a payment that was paid the other way, and all that was given back of it is at most its amount',
    // Read through the view, because what is looked at may be a part: a refund and its payment are of several bundles, and devices.
    sql: `
      SELECT r.device_id, r.counter, r.refund_of_device_id, r.refund_of_counter, r.payment_status
      FROM offline_transactions p
      CROSS JOIN LATERAL (SELECT * FROM offline_refunds v WHERE v.device_id = p.device_id AND v.counter = p.counter OFFSET 0) r
      LEFT JOIN LATERAL (SELECT sum(v.amount_minor) AS refunded_minor FROM offline_refunds v
                         WHERE (v.refund_of_device_id, v.refund_of_counter) = (r.refund_of_device_id, r.refund_of_counter)
                           AND v.status = 'succeeded') s ON true
      WHERE p.type = 'refund' AND p.status IN ('succeeded', 'reversed')
        AND NOT coalesce(r.payment_type <> 'refund' AND r.payment_status IN ('succeeded', 'reversed') AND r.is_same_way
                         AND coalesce(s.refunded_minor, 0) + r.reversed_minor <= r.payment_minor, false)
      UNION ALL
      SELECT p.device_id, p.counter, NULL, NULL, p.status
      FROM offline_transactions p WHERE p.type = 'refund' AND p.claim_until IS NOT NULL`,
  },
  {
    name: 'fees',
    promise:
      'each payment that moved money has the fee of its rule, from whoever bears it, and a reversed one has it back',
    sql: `
      WITH due AS (
        SELECT p.device_id, p.counter, p.fee_minor, p.currency, p.status, f.account_id AS fee_account_id,
               CASE p.fee_bearer WHEN 'payer' THEN t.debit_account_id ELSE t.credit_account_id END AS bearer_account_id
        FROM offline_transactions p
        JOIN wallet_core.transfers t USING (transfer_id)
        JOIN offline_tx_bundles b USING (device_id, bundle_id)
        LEFT JOIN wallet_core.accounts f ON f.wallet_id = wallet_core.fee_account(b.country, p.currency)
        WHERE p.fee_minor > 0
      ), expected AS (
        SELECT device_id, counter, 'fee' AS kind, bearer_account_id AS debit, fee_account_id AS credit, fee_minor, currency
        FROM due
        UNION ALL
        SELECT device_id, counter, 'fee_reversal', fee_account_id, bearer_account_id, fee_minor, currency
        FROM due WHERE status = 'reversed')
      SELECT coalesce(e.device_id, t.source_id) AS device_id, coalesce(e.counter, t.source_no) AS counter,
             coalesce(e.kind, t.kind) AS kind, e.fee_minor, t.amount_minor AS in_the_ledger
      FROM expected e
      FULL JOIN (SELECT * FROM wallet_core.transfers WHERE kind IN ('fee', 'fee_reversal')) t
        ON t.source_id = e.device_id AND t.source_no = e.counter AND t.kind = e.kind
      WHERE (e.debit, e.credit, e.fee_minor, e.currency)
        IS DISTINCT FROM (t.debit_account_id, t.credit_account_id, t.amount_minor, t.currency)`,
  },
  {
    name: 'holds',
    promise:
      'each hold is of a payment, of its payer’s money for it and the fee, open exactly while it waits, and posted by the words that it needs alone',
    sql: `
      SELECT h.source_id AS device_id, h.source_no AS counter, p.status, h.ended_by
      FROM wallet_core.holds h
      LEFT JOIN wallet_core.accounts a USING (account_id)
      LEFT JOIN offline_transactions p ON p.device_id = h.source_id AND p.counter = h.source_no
      WHERE (a.wallet_id, a.currency, h.amount_minor) IS DISTINCT FROM
              (p.sender, p.currency, p.amount_minor + CASE p.fee_bearer WHEN 'payer' THEN p.fee_minor ELSE 0 END)
         OR coalesce(h.ended_by, 'waits') IS DISTINCT FROM
              CASE WHEN p.status IN ('review', 'quarantined') THEN 'waits'
                   WHEN p.status IN ('succeeded', 'reversed') THEN 'posted' ELSE 'released' END
         -- The payer's word, or the agent's, may have been lost while people looked, and then they, their time or the
         -- device's end decided: it waits, or failed. Whatever the reason, it moved nothing.
         OR NOT (p.payer_proven AND p.agent_proven) AND p.status NOT IN ('review', 'quarantined', 'failed')`,
  },
  {
    name: 'holds_on_record',
    promise: 'each hold’s beginning and end is on record; of each payment that waits without one, why there is none',
    sql: `
      WITH on_record AS (
        SELECT l.device_id, (r ->> 0)::bigint AS counter, l.action, r ->> 1 AS what
        FROM offline_audit_logs l CROSS JOIN LATERAL jsonb_array_elements(l.detail -> 'holds') r
        WHERE l.action IN ('bundle_settled', 'resolution_applied')
      ), in_the_book AS (
        SELECT source_id AS device_id, source_no AS counter, 'bundle_settled' AS action, 'placed' AS what
        FROM wallet_core.holds
        UNION ALL
        SELECT source_id, source_no, 'resolution_applied', ended_by FROM wallet_core.holds WHERE ended_at IS NOT NULL)
      SELECT coalesce(r.device_id, h.device_id) AS device_id, coalesce(r.counter, h.counter) AS counter,
             r.what AS on_record, h.what
      FROM (SELECT * FROM on_record WHERE what IN ('placed', 'posted', 'released')) r
      FULL JOIN in_the_book h USING (device_id, counter, action, what)
      WHERE r.device_id IS NULL OR h.device_id IS NULL
      UNION ALL
      SELECT w.device_id, w.counter, NULL, w.status FROM offline_waiting_payments w
      WHERE NOT w.is_held AND NOT EXISTS (
        SELECT FROM on_record r WHERE r.device_id = w.device_id AND r.counter = w.counter AND r.what <> 'placed')`,
  },
  {
    name: 'resolutions_carried_out',
    promise: 'what people resolved is what became of the payment, and no outcome of people is without a resolution',
    sql: `
      SELECT coalesce(d.device_id, p.device_id) AS device_id, coalesce(d.counter, p.counter) AS counter, d.choice,
             p.status, p.reason
      FROM (SELECT device_id, counter, choice, coalesce(offline_reason_of(choice), 'reversed') AS came
            FROM offline_resolutions WHERE result = 'applied' AND choice <> 'approve') d
      FULL JOIN (SELECT device_id, counter, status, reason,
                        CASE WHEN status = 'reversed' THEN 'reversed' ELSE reason END AS came
                 FROM offline_transactions
                 WHERE status = 'reversed' OR reason IN ('reviewer_rejected', 'review_expired', 'device_revoked')) p
        USING (device_id, counter, came)
      WHERE d.device_id IS NULL OR p.device_id IS NULL
      UNION ALL
      SELECT d.device_id, d.counter, d.choice, p.status, p.reason
      FROM offline_resolutions d LEFT JOIN offline_transactions p USING (device_id, counter)
      WHERE d.result = 'applied' AND d.choice = 'approve'
        AND (p.status IS NULL OR p.status NOT IN ('succeeded', 'failed', 'reversed', 'claimed'))`,
  },
  {
    name: 'payment_statuses',
    promise:
      'each payment is what was put on record when its bundle was settled or its claim ended, unless people resolved it',
    sql: `
      WITH on_record AS (
        SELECT l.device_id, l.bundle_id, (r ->> 0)::bigint AS counter, r ->> 1 AS status, r ->> 2 AS reason
        FROM offline_audit_logs l CROSS JOIN LATERAL jsonb_array_elements(l.detail -> 'payments') r
        WHERE l.action = 'bundle_settled'
      ), decided AS (
        SELECT device_id, bundle_id, counter, bool_or(choice <> 'reverse') AS reviewed, bool_or(choice = 'revoke') AS revoked
        FROM offline_resolutions WHERE result = 'applied' GROUP BY device_id, bundle_id, counter
      ), ended AS (
        SELECT l.device_id, l.bundle_id, (r ->> 0)::bigint AS counter, r ->> 1 AS status, r ->> 2 AS reason
        FROM offline_audit_logs l CROSS JOIN LATERAL jsonb_array_elements(l.detail -> 'claims') r
        WHERE l.action = 'claims_ended')
      SELECT r.device_id, r.counter, r.status AS on_record, p.status, p.reason
      FROM on_record r
      LEFT JOIN decided d USING (device_id, bundle_id, counter)
      LEFT JOIN ended c USING (device_id, bundle_id, counter)
      -- A copy is no payment of its own.
      LEFT JOIN (SELECT device_id, bundle_id, counter, status, reason FROM offline_transactions
                 UNION ALL SELECT device_id, bundle_id, counter, 'refused', 'duplicate' FROM offline_tx_copies) p
        USING (device_id, bundle_id, counter)
      WHERE CASE WHEN c.device_id IS NOT NULL
                   THEN r.status NOT IN ('claimed', 'review', 'quarantined')
                     OR (c.status, c.reason) IS DISTINCT FROM (p.status, p.reason)
                       AND NOT (c.status = 'succeeded' AND p.status = 'reversed' AND d.device_id IS NOT NULL)
                 WHEN d.device_id IS NULL THEN (r.status, r.reason) IS DISTINCT FROM (p.status, p.reason)
                 -- People decide about what waits for them. With its device a claim ends too.
                 ELSE d.reviewed <> (r.status IN ('review', 'quarantined') OR r.status = 'claimed' AND d.revoked) END`,
  },
  {
    name: 'payments_of_bundles',
    promise: 'each payment and each copy is one of a bundle that is recorded, within the counters of its receipt',
    sql: `
      SELECT p.device_id, p.counter, p.bundle_id
      FROM (SELECT device_id, counter, bundle_id FROM offline_transactions
            UNION ALL SELECT device_id, counter, bundle_id FROM offline_tx_copies) p
      LEFT JOIN offline_tx_bundles b USING (device_id, bundle_id)
      WHERE b.bundle_id IS NULL OR p.counter NOT BETWEEN b.first_counter AND b.last_counter`,
  },
  {
    name: 'bundles_signed',
    promise: 'each bundle that is settled has its signed bytes',
    sql: `
      SELECT b.device_id, b.bundle_id FROM offline_tx_bundles b
      WHERE NOT EXISTS (SELECT FROM offline_signed_bundles s
                        WHERE s.device_id = b.device_id AND s.bundle_id = b.bundle_id AND s.digest = b.digest)`,
  },
  {
    name: 'bundle_statuses',
    promise: 'each bundle’s status is the one that follows from its payments',
    // As bundleStatus() in src/protocol/states.ts.
    sql: `
      SELECT b.device_id, b.bundle_id, b.status, coalesce(s.status, 'accepted') AS of_payments
      FROM offline_tx_bundles b
      LEFT JOIN (
        SELECT device_id, bundle_id,
               CASE WHEN bool_or(status = 'quarantined') THEN 'quarantined'
                    WHEN bool_or(status = 'review') THEN 'review'
                    WHEN bool_or(status = 'claimed') THEN 'claimed'
                    WHEN bool_and(status IN ('succeeded', 'reversed')) THEN 'accepted'
                    WHEN bool_or(status IN ('succeeded', 'reversed')) THEN 'partially_accepted'
                    WHEN bool_or(status = 'failed') THEN 'failed'
                    ELSE 'rejected' END AS status
        FROM (SELECT device_id, bundle_id, status FROM offline_transactions
              UNION ALL SELECT device_id, bundle_id, 'refused' FROM offline_tx_copies) p
        GROUP BY device_id, bundle_id) s USING (device_id, bundle_id)
      WHERE b.status <> coalesce(s.status, 'accepted')`,
  },
  {
    name: 'receipts_accounted',
    promise: 'each bundle that ever arrived is recorded, or its own message is still in the inbox',
    sql: `
      SELECT a.device_id, a.bundle_id
      FROM (SELECT device_id, bundle_id FROM offline_outbox WHERE bundle_id IS NOT NULL
            UNION SELECT device_id, bundle_id FROM offline_sync_queue WHERE kind = 'bundle' AND status = 'done') a
      LEFT JOIN offline_tx_bundles b USING (device_id, bundle_id)
      WHERE b.bundle_id IS NULL
        AND NOT EXISTS (SELECT FROM offline_sync_queue q WHERE q.device_id = a.device_id AND q.bundle_id = a.bundle_id
                          AND q.kind = 'bundle' AND q.status <> 'done')`,
  },
  {
    name: 'bundle_chain',
    promise: 'no device has two bundles in one place of its chain',
    sql: `
      SELECT device_id, seq, array_agg(bundle_id ORDER BY bundle_id) AS bundle_ids
      FROM offline_tx_bundles GROUP BY device_id, seq HAVING count(*) > 1`,
  },
  {
    name: 'bundles_owed',
    promise: 'the edge was told of each bundle, device, resolution, answer, mandate and order, or will be',
    sql: `
      SELECT device_id, bundle_id FROM offline_tx_bundles b
      WHERE NOT EXISTS (SELECT FROM offline_outbox o WHERE o.device_id = b.device_id AND o.bundle_id = b.bundle_id)
      UNION ALL
      SELECT device_id, NULL FROM offline_devices d
      WHERE NOT EXISTS (SELECT FROM offline_outbox o
                        WHERE o.device_id = d.device_id
                          AND num_nonnulls(o.bundle_id, o.resolution_rev, o.answer_rev, o.about_claims, o.about_allowance) = 0)
      UNION ALL
      SELECT device_id, NULL FROM offline_resolutions d
      WHERE NOT EXISTS (SELECT FROM offline_outbox o WHERE o.device_id = d.device_id AND o.resolution_rev = d.rev)
      UNION ALL
      SELECT payer_device_id, NULL FROM offline_claim_answers a
      WHERE NOT EXISTS (SELECT FROM offline_outbox o WHERE o.device_id = a.payer_device_id AND o.answer_rev = a.rev)
      UNION ALL
      SELECT payer_device_id, NULL FROM offline_mandates m
      WHERE NOT EXISTS (SELECT FROM offline_outbox o WHERE o.device_id = m.payer_device_id AND o.answer_rev = m.rev)
      UNION ALL
      SELECT payer_device_id, NULL FROM offline_allowance_orders r
      WHERE NOT EXISTS (SELECT FROM offline_outbox o WHERE o.device_id = r.payer_device_id AND o.answer_rev = r.rev)`,
  },
  {
    name: 'bundle_sources',
    promise: 'each bundle is of a device that is registered and was judged by a policy that is known',
    sql: `
      SELECT b.device_id, b.bundle_id, b.country, b.policy_version
      FROM offline_tx_bundles b
      LEFT JOIN offline_devices d USING (device_id)
      LEFT JOIN offline_policies p ON p.country = b.country AND p.version = b.policy_version
      WHERE d.device_id IS NULL OR p.country IS NULL`,
  },
  {
    name: 'device_wallets',
    promise: 'each device is told what the ledger says of its wallet; one that is not there yet may come',
    sql: `
      SELECT d.device_id, d.wallet_state, w.state AS in_the_ledger FROM offline_devices d
      LEFT JOIN LATERAL (
        SELECT CASE WHEN h.tenant = d.tenant THEN 'known' ELSE 'foreign' END AS state
        FROM wallet_core.accounts a JOIN (SELECT account_id, tenant FROM wallet_core.account_holders) h USING (account_id)
        WHERE a.wallet_id = d.owner_wallet) w ON true
      WHERE d.wallet_state <> coalesce(w.state, 'unknown') AND d.wallet_state <> 'unknown'`,
  },
  {
    name: 'device_keys',
    promise: 'each device’s key in use is among the keys that are kept, and each key is of a device',
    sql: `
      SELECT coalesce(d.device_id, k.device_id) AS device_id, encode(coalesce(d.kid, k.kid), 'hex') AS kid
      FROM offline_devices d
      FULL JOIN offline_device_keys k ON k.device_id = d.device_id AND k.kid = d.kid
      WHERE k.kid IS NULL OR d.device_id IS NULL AND k.device_id NOT IN (SELECT device_id FROM offline_devices)`,
  },
  {
    name: 'debit_authority',
    promise:
      'no wallet was debited but by a device of its own, in its tenant, with consent, by such a device’s signature, by a claim that its holder confirmed in time, or by its holder’s mandate',
    // A trusted copy of what registry/authority.ts decides, and of the view offline_consents. Which key signed, the bundle's own
    // check says (bundles.ts).
    sql: `
      SELECT p.device_id, p.counter
      FROM offline_transactions p
      JOIN offline_devices d USING (device_id)
      JOIN offline_tx_bundles b USING (device_id, bundle_id)
      LEFT JOIN wallet_core.transfers t USING (transfer_id)
      JOIN wallet_core.accounts w ON w.wallet_id = p.sender
      JOIN (SELECT account_id, tenant FROM wallet_core.account_holders) h USING (account_id)
      WHERE p.status IN ('succeeded', 'reversed')
        AND NOT CASE WHEN p.claim_until IS NULL
          THEN (d.owner_wallet, d.tenant) = (p.sender, h.tenant) AND EXISTS (
              SELECT FROM offline_wallet_consents c
              WHERE c.device_id = d.device_id AND ${SPOKEN_FOR} AND (c.wallet, c.tenant) = (p.sender, h.tenant) AND p.initiated_at <= c.until_at
                AND b.received_at >= c.given_at AND (c.withdrawn_at IS NULL OR b.received_at < c.withdrawn_at
                     OR t.posted_at < c.withdrawal_known_at + interval '${KNOWN_LATE_MINUTES} minutes'))
            OR EXISTS (
              SELECT FROM offline_payer_authorizations a
              JOIN offline_devices payer ON payer.device_id = a.payer_device_id
              JOIN offline_wallet_consents c ON c.device_id = payer.device_id
              WHERE a.device_id = p.device_id AND a.counter = p.counter
                AND (payer.owner_wallet, payer.tenant) = (p.sender, h.tenant)
                AND ${SPOKEN_FOR} AND (c.wallet, c.tenant) = (p.sender, h.tenant) AND p.initiated_at <= c.until_at
                AND b.received_at >= c.given_at AND (c.withdrawn_at IS NULL OR b.received_at < c.withdrawn_at
                     OR t.posted_at < c.withdrawal_known_at + interval '${KNOWN_LATE_MINUTES} minutes'))
          ELSE EXISTS (
            SELECT FROM offline_claim_answers a
            JOIN offline_devices payer ON payer.device_id = a.payer_device_id
            JOIN offline_wallet_consents c ON c.device_id = payer.device_id
            WHERE a.device_id = p.device_id AND a.counter = p.counter AND a.result = 'applied' AND a.choice = 'confirm'
              AND (payer.owner_wallet, payer.tenant) = (p.sender, h.tenant) AND a.recorded_at < p.claim_until
              AND ${SPOKEN_FOR} AND (c.wallet, c.tenant) = (p.sender, h.tenant)
              AND (a.content_hash, a.amount_minor) = (p.content_hash, p.amount_minor))
            OR EXISTS (
            SELECT FROM offline_mandated_payments x
            JOIN offline_mandates m ON m.payer_device_id = x.payer_device_id AND m.rev = x.mandate_rev
            JOIN offline_devices payer ON payer.device_id = m.payer_device_id
            JOIN offline_wallet_consents c ON c.device_id = payer.device_id
            WHERE x.device_id = p.device_id AND x.counter = p.counter AND m.wallet = p.sender AND m.is_his
              AND (payer.owner_wallet, payer.tenant) = (p.sender, h.tenant)
              AND ${SPOKEN_FOR} AND (c.wallet, c.tenant) = (p.sender, h.tenant)
              AND substring(c.thumbprint FROM 1 FOR octet_length(m.kid)) = m.kid AND x.posted_at <= c.until_at) END`,
  },
  {
    name: 'claims',
    promise:
      'each claim is open, or ended by the one answer that was applied, by a mandate, by a review, with its device, by its time, or for want of a wallet',
    sql: `
      SELECT p.device_id, p.counter, p.status, p.reason, a.choice
      FROM offline_transactions p
      FULL JOIN (SELECT device_id, counter, min(choice) AS choice, count(*) AS answers
                 FROM offline_claim_answers WHERE result = 'applied' GROUP BY device_id, counter) a
        USING (device_id, counter)
      WHERE (p.claim_until IS NOT NULL OR a.answers IS NOT NULL)
        AND NOT coalesce(CASE a.choice
          WHEN 'confirm' THEN a.answers = 1 AND p.payer_proven
            AND (p.status IN ('succeeded', 'reversed') OR p.status = 'failed' AND p.reason <> 'payer_refused')
          WHEN 'refuse' THEN a.answers = 1 AND p.status = 'failed' AND p.reason = 'payer_refused'
          ELSE p.status IN ('claimed', 'review', 'quarantined', 'refused')
            OR p.status IN ('succeeded', 'reversed') AND p.reason = 'mandated' AND p.payer_proven
              AND EXISTS (SELECT FROM offline_mandated_payments m WHERE m.device_id = p.device_id AND m.counter = p.counter)
            OR p.status = 'failed' AND (p.reason <> 'payer_did_not_confirm' OR p.status_at >= p.claim_until) END, false)`,
  },
  {
    name: 'mandates',
    promise:
      'each payment by a mandate is a claim within it, with those before it on that day within what its day gives, and within the policy of then',
    sql: `
      SELECT x.device_id, x.counter, x.wallet, x.day, x.amount_minor, m.payment_max_minor, m.day_max_minor
      FROM offline_mandated_payments x
      LEFT JOIN offline_transactions p USING (device_id, counter)
      LEFT JOIN offline_mandates m ON m.payer_device_id = x.payer_device_id AND m.rev = x.mandate_rev
      LEFT JOIN offline_tx_bundles b ON b.device_id = p.device_id AND b.bundle_id = p.bundle_id
      LEFT JOIN offline_policies y ON y.country = b.country AND y.version = x.policy_version
      WHERE NOT coalesce(
        (m.wallet, m.currency) = (x.wallet, x.currency) AND m.is_his
          -- Two reconcilers have two clocks.
          AND m.recorded_at <= x.posted_at + interval '1 hour'
          AND x.posted_at < m.until_at AND x.posted_at < p.claim_until AND y.version >= b.policy_version
          AND x.amount_minor <= least(m.payment_max_minor, y.mandate_payment_max)
          AND (p.sender, p.amount_minor, p.currency) = (x.wallet, x.amount_minor, x.currency)
          AND (p.reason = 'mandated' AND p.status IN ('succeeded', 'reversed') OR p.status = 'failed')
          AND (p.status = 'failed' OR offline_mandated_count(x.wallet, x.day, x.id) <= ${MANDATED_PER_DAY_MAX}
               AND offline_mandated_minor(x.wallet, x.day, x.currency, x.id) <= least(m.day_max_minor, y.mandate_day_max)),
        false)
      UNION ALL
      SELECT p.device_id, p.counter, p.sender, NULL, p.amount_minor, NULL, NULL FROM offline_transactions p
      WHERE p.reason = 'mandated' AND NOT EXISTS (
        SELECT FROM offline_mandated_payments x WHERE x.device_id = p.device_id AND x.counter = p.counter)`,
  },
  COVERED_CHECK,
  ...ALLOWANCE_CHECKS,
  {
    name: 'payer_authorizations',
    promise: 'each signature of a payer that was used up belongs to a payment, and to the wallet that it debits',
    sql: `
      SELECT a.payer_device_id, a.device_id, a.counter FROM offline_payer_authorizations a
      LEFT JOIN offline_transactions p USING (device_id, counter)
      WHERE p.counter IS NULL OR a.wallet <> p.sender`,
  },
  {
    name: 'agent_approvals',
    promise:
      'above its policy’s limit no payment moved money without the approval of an agent’s device, in its tenant, with consent, that is no party to it',
    // What registry/approvals.ts decides, once more. Which key signed, the bundle's own check says (bundles.ts).
    sql: `
      SELECT p.device_id, p.counter, p.amount_minor
      FROM offline_transactions p
      JOIN offline_devices d USING (device_id)
      JOIN offline_tx_bundles b USING (device_id, bundle_id)
      LEFT JOIN wallet_core.transfers t USING (transfer_id)
      LEFT JOIN offline_policies y ON y.country = b.country AND y.version = b.policy_version
      WHERE p.status IN ('succeeded', 'reversed') AND p.amount_minor > coalesce(y.require_agent_approval_above, 0)
        AND NOT EXISTS (
          SELECT FROM offline_agent_approvals a
          JOIN offline_devices agent ON agent.device_id = a.agent_device_id
          JOIN wallet_core.accounts w ON w.wallet_id = agent.owner_wallet
          JOIN wallet_core.account_holders h USING (account_id)
          JOIN offline_wallet_consents c ON c.device_id = agent.device_id
          WHERE a.device_id = p.device_id AND a.counter = p.counter AND agent.device_id <> p.device_id
            AND w.kind = 'agent' AND (agent.tenant, h.tenant) = (d.tenant, d.tenant)
            AND agent.owner_wallet NOT IN (p.sender, p.receiver, d.owner_wallet)
            AND (c.wallet, c.tenant) = (agent.owner_wallet, agent.tenant) AND p.initiated_at <= c.until_at
            AND b.received_at >= c.given_at AND (c.withdrawn_at IS NULL OR b.received_at < c.withdrawn_at
                     OR t.posted_at < c.withdrawal_known_at + interval '${KNOWN_LATE_MINUTES} minutes'))
      UNION ALL
      SELECT a.device_id, a.counter, NULL FROM offline_agent_approvals a
      LEFT JOIN offline_transactions p USING (device_id, counter) WHERE p.counter IS NULL`,
  },
  {
    name: 'device_activity',
    promise:
      'what each device did on a day is what its payments say: on their own, or on that of their arrival if it is earlier',
    sql: `
      SELECT coalesce(a.device_id, p.device_id) AS device_id, coalesce(a.day, p.day) AS day,
             coalesce(a.currency, p.currency) AS currency, a.count, p.count AS of_payments,
             a.value_minor, p.value_minor AS of_payments_minor
      FROM offline_device_activity a
      FULL JOIN (
        SELECT t.device_id, (LEAST(t.initiated_at, b.received_at) AT TIME ZONE y.time_zone)::date AS day, t.currency,
               count(*) AS count, sum(t.amount_minor) AS value_minor
        FROM offline_transactions t
        JOIN offline_tx_bundles b USING (device_id, bundle_id)
        JOIN offline_policies y ON y.country = b.country AND y.version = b.policy_version
        WHERE t.status <> 'refused'
        GROUP BY 1, 2, 3) p USING (device_id, day, currency)
      WHERE (coalesce(a.count, 0), coalesce(a.value_minor, 0)) IS DISTINCT FROM
            (coalesce(p.count, 0), coalesce(p.value_minor, 0))`,
  },
]
