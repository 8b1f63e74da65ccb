import { beforeAll, describe, expect, test } from 'vitest'
import { useDatabase } from '../../reconciler/database.ts'
import { post } from './book.ts'

const db = useDatabase()

beforeAll(async () => {
  await db().open('payer', 1000)
  await db().open('payee')
  await post(db().owner, [{ source: 'POS-1', no: 1, from: 'payer', to: 'payee', amount: 5 }])
  await post(db().owner, [{ source: 'POS-1', no: 2, from: 'payer', to: 'payee', amount: 5, step: 'hold' }])
  await db().app.query(
    "INSERT INTO offline_audit_logs (stream, at, actor, action, detail) VALUES ('s', now(), 'a', 'b', '{}')",
  )
})

const facts = [
  ['wallet_core.entries', 'amount_minor = 1'],
  ['wallet_core.transfers', 'amount_minor = 1'],
  ['wallet_core.holds', 'amount_minor = 1'],
  ['offline_audit_logs', "action = 'x'"],
  ['offline_policies', 'enabled = false'],
] as const

describe.each(facts)('%s', (table, change) => {
  test.each([`UPDATE ${table} SET ${change}`, `DELETE FROM ${table}`, `TRUNCATE ${table}`])(
    '%s: refused',
    async (sql) => {
      await expect(db().app.query(sql)).rejects.toThrow(/permission denied/)
      // Whoever owns the table meets the trigger.
      await expect(db().owner.query(sql)).rejects.toThrow(/append-only/)
    },
  )
})

test('a hold that has ended stays ended, as it did', async () => {
  await post(db().owner, [{ source: 'POS-1', no: 3, from: 'payer', to: 'payee', amount: 5, step: 'hold' }])
  await post(db().owner, [{ source: 'POS-1', no: 3, from: 'payer', to: 'payee', amount: 5, step: 'release' }])
  for (const change of ["ended_by = 'posted'", 'ended_at = NULL, ended_by = NULL']) {
    const sql = `UPDATE wallet_core.holds SET ${change} WHERE source_no = 3`
    await expect(db().owner.query(sql)).rejects.toThrow(/append-only/)
  }
})

test('the application cannot write the book but through the functions that settle', async () => {
  for (const sql of [
    'INSERT INTO wallet_core.entries VALUES (1, 99, uuidv7(), 5, 5, now())',
    "INSERT INTO wallet_core.transfers VALUES (uuidv7(), 'payment', 'x', 1, 1, 2, 5, 'XOF', now())",
    "UPDATE wallet_core.accounts SET balance_minor = 1000000 WHERE wallet_id = 'payee'",
    "INSERT INTO wallet_core.holds VALUES ('POS-9', 1, 1, 5, now())",
    "SELECT wallet_core.place_holds(ARRAY['POS-9'], ARRAY[1]::bigint[], ARRAY[1]::bigint[], ARRAY[5]::bigint[], now())",
    "SELECT wallet_core.end_holds(ARRAY['POS-1'], ARRAY[2]::bigint[], ARRAY[1]::bigint[], ARRAY[5]::bigint[], ARRAY['released'], now())",
    "SELECT wallet_core.open_account('mine', 'XOF', 'customer', 'me', 'molam')",
    "SELECT wallet_core.set_frozen('payee', true, 'me', 'spite')",
    "SELECT wallet_core.fund('x', ARRAY[1]::bigint[], ARRAY['payee'], ARRAY[5]::bigint[], 'XOF', now())",
    "SELECT wallet_core.post_transfers('funding', ARRAY[wallet_core.request_payment('x', 1, NULL, 'system:treasury:XOF', 'payee', 5, 'XOF', NULL, NULL, NULL, NULL)], now())",
    "SELECT wallet_core.post_transfers('payment', ARRAY[wallet_core.request_payment('POS-2', 1, 'p2p', 'payer', 'payee', 5, 'XOF', NULL, NULL, NULL, NULL)], now())",
    "SELECT record_device_activity(ARRAY['POS-1'], ARRAY['2026-11-22']::date[], ARRAY['XOF'], ARRAY[5]::bigint[])",
    "UPDATE offline_transactions SET status = 'failed'",
    "INSERT INTO offline_tx_copies VALUES ('d', 1, 'b', sha256(''), now())",
    "UPDATE offline_signed_bundles SET bundle = ''",
    'CREATE TABLE public.mine (x int)',
  ]) {
    await expect(db().app.query(sql), sql).rejects.toThrow(/permission denied/)
  }
})

test('the functions that change anything and that the application can call: those that settle, that lock, prune, halt, and say whom a code is for', async () => {
  const { rows } = await db().app.query(`
    SELECT p.oid::regproc::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('public', 'wallet_core') AND (p.prosecdef OR p.provolatile = 'v')
      AND p.prorettype <> 'trigger'::regtype AND has_function_privilege(p.oid, 'EXECUTE')
    ORDER BY name`)
  expect(rows.map(({ name }) => name)).toEqual([
    'halt_settlement',
    'offline_apply_allowance_orders',
    'offline_apply_claims',
    'offline_apply_reversals',
    'offline_apply_reviews',
    'offline_close_unsigned_answers',
    'offline_code_recipient',
    'offline_code_refusal',
    'offline_disprove',
    'offline_expire_allowances',
    'offline_let_parked_go',
    'offline_lock_devices',
    'offline_prove',
    'offline_prune_inbox',
    'offline_record_transactions',
  ])
})
