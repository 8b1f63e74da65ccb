import type { Mutant } from './mutant.ts'

const POSTING = 'migrations/ledger/003.do.posting.sql'
const SETTLEMENT = 'migrations/ledger/007.do.settlement.sql'
const RESOLUTIONS = 'migrations/ledger/008.do.resolutions.sql'
const HOLDS = 'migrations/ledger/009.do.holds.sql'

/** Faults of the money rules in SQL. */
export const LEDGER: readonly Mutant[] = [
  {
    name: 'copy-posted',
    file: SETTLEMENT,
    find: "IS NOT DISTINCT FROM 'duplicate' OR t.counter IS NOT NULL",
    replace: "IS NOT DISTINCT FROM 'duplicate'",
    breaks: 'A device and its counter are one payment: one that is recorded already is posted again.',
    tier: 'deep',
  },
  {
    name: 'payer-nonce-used-again',
    file: SETTLEMENT,
    find: 'AND (a.device_id, a.counter) <> (x.device_id, x.counter)',
    replace: 'AND false',
    breaks: 'A payer’s signature is good for one payment.',
    tier: 'deep',
  },
  {
    name: 'refused-counts-towards-the-day',
    file: SETTLEMENT,
    find: "WHERE x.status <> 'refused';",
    replace: 'WHERE true;',
    breaks: 'What was refused does not use up the limits of its day.',
    tier: 'deep',
  },
  {
    name: 'funds-not-looked-at',
    file: POSTING,
    find: 'IF v_available[v_payment.debit] < v_payment.out_minor THEN',
    replace: 'IF v_available[v_payment.debit] < 0 THEN',
    breaks: 'A payment without funds fails by itself: it keeps its whole bundle out of the book.',
    tier: 'deep',
  },
  {
    name: 'reversal-beyond-the-balance',
    file: POSTING,
    find: 'IF v_available[v_payment.debit] < v_payment.out_minor THEN',
    replace: "IF p_kind <> 'reversal' AND v_available[v_payment.debit] < v_payment.out_minor THEN",
    breaks: 'A reversal waits for the money: one that a wallet cannot pay is an error each time.',
    tier: 'deep',
  },
  {
    name: 'held-money-spent',
    file: POSTING,
    find: 'array_agg(d.balance_minor - d.held_minor - d.floor_minor ORDER BY x.no)',
    replace: 'array_agg(d.balance_minor - d.floor_minor ORDER BY x.no)',
    breaks: 'Money that is held for a payment cannot be spent meanwhile.',
    tier: 'deep',
  },
  {
    name: 'frozen-wallet-debited',
    file: POSTING,
    find: "WHEN d.frozen OR c.frozen THEN 'wallet_frozen'",
    replace: "WHEN c.frozen THEN 'wallet_frozen'",
    breaks: 'No money leaves a frozen wallet.',
    tier: 'deep',
  },
  {
    name: 'running-balance-of-one-entry',
    file: POSTING,
    find: 'a.balance_minor + s.running_minor, p_at',
    replace: 'a.balance_minor + s.amount_minor, p_at',
    breaks: 'Each entry carries the balance after it: several of one account in a batch do not.',
    tier: 'deep',
  },
  {
    name: 'accounts-locked-in-any-order',
    file: POSTING,
    find: 'ORDER BY account_id FOR NO KEY UPDATE',
    replace: 'FOR NO KEY UPDATE',
    breaks: 'Two batches cannot deadlock.',
    tier: 'deep',
    missed: 'Two sessions that wait for each other need two connections: test/chaos has them.',
  },
  {
    name: 'hold-not-released',
    file: RESOLUTIONS,
    find: 'WHERE x.status IS NOT NULL',
    replace: "WHERE x.status = 'pending'",
    breaks: 'Whatever comes of a payment, nothing is held for it any more: a rejection leaves its hold.',
    tier: 'deep',
  },
  {
    name: 'held-for-nothing',
    file: HOLDS,
    find: 'SET held_minor = a.held_minor - s.amount_minor',
    replace: 'SET held_minor = a.held_minor',
    breaks: 'What an account holds is the sum of its open holds: a hold ends, and the money stays held.',
    tier: 'deep',
  },
  {
    name: 'reversal-takes-again',
    file: RESOLUTIONS,
    find: 't.counter, NULL, t.receiver, t.sender, t.amount_minor,',
    replace: 't.counter, NULL, t.sender, t.receiver, t.amount_minor,',
    breaks: 'A reversal gives the money back: it takes it a second time.',
    tier: 'deep',
  },
  {
    name: 'reversed-twice',
    file: RESOLUTIONS,
    find: "WHEN o.payment_status <> 'succeeded' THEN 'not_reversible'",
    replace: "WHEN o.payment_status NOT IN ('succeeded', 'reversed') THEN 'not_reversible'",
    breaks: 'A payment is reversed once: the second resolution is tried for ever.',
    tier: 'deep',
  },
  {
    name: 'approval-without-the-payer',
    file: RESOLUTIONS,
    find: "WHEN x.choice = 'approve' AND t.payer_proven THEN 'pending' ELSE 'failed' END ORDER BY x.no),",
    replace: "WHEN x.choice = 'approve' THEN 'pending' ELSE 'failed' END ORDER BY x.no),",
    breaks:
      'No reviewer can replace the payer’s word: the constraint stands in the way, and the review is tried for ever.',
    tier: 'deep',
  },
  {
    name: 'audit-not-chained',
    file: 'migrations/ledger/006.do.audit.sql',
    find: "new.prev_hash := coalesce(v_last.hash, '\\x'::bytea);",
    replace: "new.prev_hash := '\\x'::bytea;",
    breaks: 'A hash chain shows if a record was removed.',
    tier: 'deep',
  },
]
