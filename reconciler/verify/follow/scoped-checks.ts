import type pg from 'pg'
import { ALLOWANCE_CHECKS, COVERED_CHECK } from '../allowance-checks.ts'
import { type Check, type Finding, runCheck } from '../check.ts'
import { LEDGER_CHECKS } from '../ledger-checks.ts'
import { SETTLEMENT_CHECKS } from '../settlement-checks.ts'
import type { NewRows } from './new-rows.ts'
import { columns, type Scope } from './scope.ts'

/**
 * The checks of the whole book, over a part of it: the same SQL, in which the names of large tables mean their rows of the
 * part. Left out are those that only the whole book can answer: sums of everything, the audit, days.
 */
const OF_PAYMENTS: ReadonlySet<string> = new Set([
  ...['payments_posted', 'reversals', 'refunds', 'fees', 'holds', 'resolutions_carried_out', 'payments_of_bundles'],
  ...['bundle_statuses', 'bundle_sources', 'bundles_signed', 'debit_authority', 'payer_authorizations'],
  ...['claims', 'mandates', 'agent_approvals', COVERED_CHECK.name],
  'transfer_accounts',
])
/** Over rows that are new: a transfer and its entries come in one transaction. */
const OF_NEW_ROWS = 'transfer_entries'

/** The parts of large tables, with what takes the place of the whole. */
const PAYMENT_PARTS: Readonly<Record<string, string>> = {
  'wallet_core.transfers': `
    SELECT t.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM wallet_core.transfers WHERE source_id = s.id AND source_no = s.no
        AND kind = ANY ('{payment,fee,reversal,fee_reversal,funding}') OFFSET 0) t`,
  'wallet_core.holds': `
    SELECT h.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM wallet_core.holds WHERE source_id = s.id AND source_no = s.no OFFSET 0) h`,
  offline_transactions: `
    SELECT t.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM offline_transactions WHERE device_id = s.id AND counter = s.no OFFSET 0) t`,
  offline_resolutions: `
    SELECT d.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM offline_resolutions WHERE device_id = s.id AND counter = s.no OFFSET 0) d`,
  offline_payer_authorizations: `
    SELECT a.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM offline_payer_authorizations WHERE device_id = s.id AND counter = s.no OFFSET 0) a`,
  offline_agent_approvals: `
    SELECT a.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM offline_agent_approvals WHERE device_id = s.id AND counter = s.no OFFSET 0) a`,
  offline_claim_answers: `
    SELECT a.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM offline_claim_answers WHERE device_id = s.id AND counter = s.no OFFSET 0) a`,
  offline_mandated_payments: `
    SELECT m.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM offline_mandated_payments WHERE device_id = s.id AND counter = s.no OFFSET 0) m`,
  offline_allowance_payments: `
    SELECT x.* FROM unnest($1::text[], $2::bigint[]) AS s (id, no) CROSS JOIN LATERAL (
      SELECT * FROM offline_allowance_payments WHERE device_id = s.id AND counter = s.no OFFSET 0) x`,
  offline_tx_bundles: `
    SELECT b.* FROM unnest($3::text[], $4::text[]) AS s (id, bundle) CROSS JOIN LATERAL (
      SELECT * FROM offline_tx_bundles WHERE device_id = s.id AND bundle_id = s.bundle OFFSET 0) b`,
  offline_tx_copies: `
    SELECT c.* FROM unnest($3::text[], $4::text[]) AS s (id, bundle) CROSS JOIN LATERAL (
      SELECT * FROM offline_tx_copies WHERE device_id = s.id AND bundle_id = s.bundle OFFSET 0) c`,
}
/** Whole allowances of these paying devices, with their orders and payments. */
const ALLOWANCE_PARTS: Readonly<Record<string, string>> = {
  'wallet_core.allowances': 'SELECT * FROM wallet_core.allowances WHERE device_id = ANY ($1::text[])',
  offline_allowance_orders: 'SELECT * FROM offline_allowance_orders WHERE payer_device_id = ANY ($1::text[])',
  offline_allowance_payments: 'SELECT * FROM offline_allowance_payments WHERE payer_device_id = ANY ($1::text[])',
  offline_allowance_evidence: 'SELECT * FROM offline_allowance_evidence WHERE payer_device_id = ANY ($1::text[])',
}
const NEW_PARTS: Readonly<Record<string, string>> = {
  'wallet_core.transfers': `SELECT * FROM wallet_core.transfers WHERE transfer_id = ANY ($1::uuid[])`,
  'wallet_core.entries': `
    SELECT e.* FROM unnest($2::bigint[], $3::bigint[]) AS s (account, no) CROSS JOIN LATERAL (
      SELECT * FROM wallet_core.entries WHERE account_id = s.account AND seq = s.no OFFSET 0) e`,
}

/** Of these transfers, with the accounts of entries that name them. */
const WHOLE_PARTS: Readonly<Record<string, string>> = {
  'wallet_core.transfers': `SELECT * FROM wallet_core.transfers WHERE transfer_id = ANY ($1::uuid[])`,
  'wallet_core.entries': `
    SELECT e.* FROM (
      SELECT unnest($2::bigint[]) UNION SELECT debit_account_id FROM wallet_core.transfers WHERE transfer_id = ANY ($1::uuid[])
      UNION SELECT credit_account_id FROM wallet_core.transfers WHERE transfer_id = ANY ($1::uuid[])) AS s (account)
    CROSS JOIN LATERAL (
      SELECT * FROM wallet_core.entries WHERE account_id = s.account AND transfer_id = ANY ($1::uuid[]) OFFSET 0) e`,
}

export async function checkPayments(client: pg.ClientBase, scope: Scope, examplesMax: number): Promise<Finding[]> {
  if (scope.sources.length === 0 && scope.bundles.length === 0) return []
  const values = [...columns(scope.sources), ...columns(scope.bundles)]
  const found: Finding[] = []
  for (const check of [...SETTLEMENT_CHECKS, ...LEDGER_CHECKS]) {
    if (!OF_PAYMENTS.has(check.name)) continue
    found.push(
      await runCheck(
        client,
        within(check, PAYMENT_PARTS, '$1::text[], $2::bigint[], $3::text[], $4::text[]'),
        examplesMax,
        values,
      ),
    )
  }
  return found
}

export async function checkAllowances(
  client: pg.ClientBase,
  { payers }: Scope,
  examplesMax: number,
): Promise<Finding[]> {
  if (payers.length === 0) return []
  const found: Finding[] = []
  for (const check of ALLOWANCE_CHECKS) {
    found.push(await runCheck(client, within(check, ALLOWANCE_PARTS, '$1::text[]'), examplesMax, [payers]))
  }
  return found
}

export async function checkNewEntries(client: pg.ClientBase, rows: NewRows, examplesMax: number): Promise<Finding[]> {
  const found: Finding[] = []
  for (const check of LEDGER_CHECKS.filter(({ name }) => name === OF_NEW_ROWS)) {
    found.push(await checkPairs(client, check, rows, examplesMax))
  }
  const entries = columns(rows.entries.map(({ account_id, seq }) => [account_id, seq] as const))
  found.push(await runCheck(client, CHAIN, examplesMax, entries))
  return found
}

/**
 * A transfer and its entries lie in two tables, which are read piece by piece: one may be found new and its other side be read in
 * another round. So what seems to lack it is looked up whole before anything is said.
 */
async function checkPairs(client: pg.ClientBase, check: Check, rows: NewRows, examplesMax: number): Promise<Finding> {
  const values = [
    rows.transfers.map(({ transfer_id }) => transfer_id),
    ...columns(rows.entries.map(({ account_id, seq }) => [account_id, seq] as const)),
  ]
  const { sql } = within(check, NEW_PARTS, '$1::uuid[], $2::bigint[], $3::bigint[]')
  const { rows: lacking } = await client.query<{ transfer_id: string }>(sql, values)
  const ids = lacking.map(({ transfer_id }) => transfer_id)
  const lacked = new Set(ids)
  const accounts = rows.entries.flatMap(({ account_id, transfer_id }) => (lacked.has(transfer_id) ? [account_id] : []))
  return runCheck(client, within(check, WHOLE_PARTS, '$1::uuid[], $2::bigint[]'), examplesMax, [ids, accounts])
}

/** @param types of all values, so that a check that uses not all of them has them typed all the same */
function within({ sql, ...check }: Check, parts: Readonly<Record<string, string>>, types: string): Check {
  let scoped = sql
  const used: string[] = [`given AS (SELECT ${types})`]
  for (const [table, part] of Object.entries(parts)) {
    const name = `part_${table.replace('.', '_')}`
    const replaced = scoped.replaceAll(new RegExp(`(?<![\\w.])${table.replace('.', '\\.')}\\b`, 'g'), name)
    if (replaced !== scoped) used.push(`${name} AS MATERIALIZED (${part})`)
    scoped = replaced
  }
  return { ...check, sql: `WITH ${used.join(', ')} SELECT * FROM (${scoped}) found` }
}

const CHAIN: Check = {
  name: 'running_balances',
  promise: 'each new entry of an account follows the one before it and carries the balance after it',
  sql: `
    SELECT e.account_id, e.seq FROM unnest($1::bigint[], $2::bigint[]) AS s (account, no)
    JOIN wallet_core.entries e ON e.account_id = s.account AND e.seq = s.no
    LEFT JOIN wallet_core.entries p ON p.account_id = s.account AND p.seq = s.no - 1
    WHERE (p.seq IS NULL AND e.seq > 1) OR e.balance_minor <> coalesce(p.balance_minor, 0) + e.amount_minor`,
}

/** Of each touched account: by its last entry, which carries the sum of all before it. */
const ACCOUNTS: readonly Check[] = [
  {
    name: 'account_balances',
    promise: 'each account’s balance is the one that its last entry carries',
    sql: `
      SELECT a.account_id, a.balance_minor, e.balance_minor AS of_entries_minor, a.entry_seq
      FROM wallet_core.accounts a
      LEFT JOIN wallet_core.entries e ON e.account_id = a.account_id AND e.seq = a.entry_seq
      WHERE a.account_id = ANY ($1::bigint[])
        AND (a.balance_minor <> coalesce(e.balance_minor, 0) OR (a.entry_seq > 0) <> (e.seq IS NOT NULL)
             OR EXISTS (SELECT FROM wallet_core.entries n WHERE n.account_id = a.account_id AND n.seq > a.entry_seq))`,
  },
  {
    name: 'accounts_exist',
    promise: 'entries and transfers are of accounts that exist',
    sql: `
      SELECT x.account_id FROM unnest($1::bigint[]) AS x (account_id)
      WHERE NOT EXISTS (SELECT FROM wallet_core.accounts a WHERE a.account_id = x.account_id)`,
  },
  {
    name: 'floors',
    promise: 'no account is below its floor, or holds more than it has above it',
    sql: `
      SELECT account_id FROM wallet_core.accounts
      WHERE account_id = ANY ($1::bigint[])
        AND (balance_minor - held_minor < floor_minor OR floor_minor IS NULL AND kind <> 'system')`,
  },
  {
    name: 'held_money',
    promise: 'what each account holds is the sum of its open holds, and of what its allowances hold still',
    sql: `
      SELECT a.account_id, a.held_minor FROM wallet_core.accounts a
      WHERE a.account_id = ANY ($1::bigint[])
        AND a.held_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM wallet_core.holds h
                             WHERE h.account_id = a.account_id AND h.ended_at IS NULL)
                            + (SELECT coalesce(sum(l.held_minor), 0) FROM wallet_core.allowances l
                               WHERE l.account_id = a.account_id AND l.ended_at IS NULL)`,
  },
]

/** Checks that a round makes of what is new. */
export const OF_ROUNDS: readonly Pick<Check, 'name' | 'promise'>[] = [
  ...[...LEDGER_CHECKS, ...SETTLEMENT_CHECKS].filter(({ name }) => OF_PAYMENTS.has(name) || name === OF_NEW_ROWS),
  ...[CHAIN, ...ACCOUNTS, ...ALLOWANCE_CHECKS],
]

export async function checkAccounts(client: pg.ClientBase, scope: Scope, examplesMax: number): Promise<Finding[]> {
  if (scope.accounts.length === 0) return []
  const found: Finding[] = []
  for (const check of ACCOUNTS) found.push(await runCheck(client, check, examplesMax, [scope.accounts]))
  return found
}
