import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseConfig } from '../../../reconciler/config.ts'
import { openPool, UnguardedSession } from '../../../reconciler/db.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { makeWorld, type World } from '../../reconciler/kit.ts'
import { type Scene, scene } from './planted.ts'

/** What one login of ours can do to the ledger by itself. */
const db = useDatabase()
let world: World
let set: Scene
beforeAll(async () => {
  world = await makeWorld(db())
  set = await scene(world, db())
})
afterAll(() => world.close())

/** Each of the application's logins tries all of them. */
const OF_NOBODY = [
  'UPDATE wallet_core.accounts SET balance_minor = balance_minor + 600000000',
  'INSERT INTO wallet_core.entries SELECT account_id, 99, uuidv7(), 1, 1, now() FROM wallet_core.accounts LIMIT 1',
  "INSERT INTO wallet_core.transfers SELECT uuidv7(), 'payment', 'X', 1, 1, 2, 1, 'XOF', now()",
  "UPDATE wallet_core.holds SET ended_at = now(), ended_by = 'released'",
  "SELECT wallet_core.post_transfers('payment', '{}', now())",
  "SELECT wallet_core.open_allowance('POS', 1, 'W', 'XOF', 1, now(), now(), now())",
  "SELECT wallet_core.end_allowance(1, 'closed', now())",
  'UPDATE wallet_core.allowances SET returned_minor = 1',
  "INSERT INTO offline_allowance_evidence SELECT 'P', 1, 'number', 'D', 1, NULL, NULL, now()",
  "SELECT wallet_core.fund('x', '{1}', '{W}', '{1}', 'XOF', now())",
  "SELECT wallet_core.open_account('W-NEW', 'XOF', 'customer', 'me', 'molam')",
  "SELECT wallet_core.set_frozen('W', false, 'me', 'so')",
  "SELECT set_offline_fee('SN', 'p2p', 'XOF', 1, 0, 'payer', now())",
  'INSERT INTO offline_transactions SELECT * FROM offline_transactions',
  "UPDATE offline_transactions SET status = 'failed', reason = 'x'",
  'UPDATE offline_signed_bundles SET receipt = bundle',
  'DELETE FROM offline_signed_bundles',
  'UPDATE offline_tx_bundles SET policy_version = 99',
  'UPDATE offline_device_keys SET public_key = kid',
  'UPDATE offline_device_messages SET message = message',
  'UPDATE offline_resolutions SET result = NULL, closed_at = NULL',
  'UPDATE offline_policies SET require_payer_proof_above = 900000',
  "INSERT INTO offline_fee_rules SELECT 'SN', 'p2p', 'XOF', 1, now(), 0, 0, 'payer'",
  'INSERT INTO offline_payer_authorizations SELECT device_id, kid || kid, device_id, 1, owner_wallet, now() FROM offline_devices JOIN offline_device_keys USING (device_id, kid)',
  "INSERT INTO offline_agent_approvals SELECT device_id, kid || kid, 'A', 1 FROM offline_device_keys",
  'DELETE FROM offline_audit_logs',
  'DELETE FROM offline_sync_queue',
  'UPDATE settlement_halts SET ended_at = now()',
  "SELECT resume_settlement(1, 'so')",
  'ALTER TABLE wallet_core.entries DISABLE TRIGGER ALL',
  'SET session_replication_role = replica',
  'SET ROLE molam_owner',
] as const

describe.each(['record', 'settle', 'read'] as const)('the login %s', (login) => {
  test.each(OF_NOBODY)('may not: %s', async (sql) => {
    await expect(set.as(login, sql)).rejects.toThrow(/permission denied|must be owner|only an operator/)
  })
})

/** What whoever settles would need to write himself what it settles from. */
const NOT_OF_SETTLE = [
  'INSERT INTO offline_signed_bundles SELECT * FROM offline_signed_bundles',
  'INSERT INTO offline_devices SELECT * FROM offline_devices',
  "UPDATE offline_devices SET owner_wallet = 'W-THIEF'",
  "UPDATE offline_device_keys SET state = 'active'",
  'INSERT INTO offline_device_messages SELECT * FROM offline_device_messages',
  'INSERT INTO offline_policies SELECT * FROM offline_policies',
  'INSERT INTO offline_resolutions SELECT * FROM offline_resolutions',
  'INSERT INTO offline_allowance_orders SELECT * FROM offline_allowance_orders',
  "INSERT INTO offline_sync_queue (dedup_key, kind, body, next_retry_at, received_at) VALUES ('x', 'bundle', 'x', now(), now())",
]
test.each(NOT_OF_SETTLE)('the login that settles may not: %s', async (sql) => {
  await expect(set.as('settle', sql)).rejects.toThrow('permission denied')
})

const NOT_OF_RECORD = [
  "SELECT offline_apply_allowance_orders('{}', '{}', '{}', 7, now())",
  'SELECT offline_expire_allowances(now(), 1)',
  "UPDATE offline_allowance_orders SET result = 'opened', closed_at = now()",
  "SELECT offline_record_transactions('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', now())",
  "SELECT offline_apply_claims('{}', now())",
  "SELECT offline_close_unsigned_answers('{}', now())",
  "SELECT offline_apply_reviews('{}', now())",
  "SELECT offline_apply_reversals('{}', now())",
  "SELECT offline_use_signatures('payer', '{}', '{}', '{}', '{}', '{}', '{}', now())",
  "SELECT offline_prove('payer', '{}', '{}', '{}', '{}', now())",
  "SELECT offline_disprove('payer', '{}', '{}')",
  'INSERT INTO offline_tx_bundles SELECT * FROM offline_tx_bundles',
  'UPDATE offline_tx_bundles SET rev = rev + 1',
]
test.each(NOT_OF_RECORD)('the login that records may not: %s', async (sql) => {
  await expect(set.as('record', sql)).rejects.toThrow('permission denied')
})

describe('what the login that settles asks to be posted', () => {
  /** Of the bundle in the scene under another number, as if it had never been settled. */
  const ask = (over: Record<string, string> = {}) => {
    const of = (name: string, otherwise: string) => `ARRAY[${over[name] ?? otherwise}]`
    return `SELECT r.* FROM offline_signed_bundles s, LATERAL unnest(s.payments) p, LATERAL offline_record_transactions(
      ARRAY[s.device_id], ${of('counter', 'p.counter')}, ${of('bundle_id', 's.bundle_id')}, ARRAY[p.content_hash], ARRAY[p.type],
      ARRAY[p.method], ${of('amount', 'p.amount_minor')}, ARRAY[p.currency], ${of('sender', 'p.sender')},
      ${of('receiver', 'p.receiver')}, ARRAY[p.merchant_id], ARRAY[p.initiated_at], ARRAY[current_date], ARRAY['BJ'],
      ARRAY[now()], ${of('status', "'pending'")}, ${of('reason', 'NULL')}, ARRAY[0.0], ARRAY[true], ARRAY[NULL], ARRAY[NULL::bytea],
      ARRAY[NULL::timestamptz], ARRAY[NULL], ARRAY[NULL::bigint], ARRAY[true], ARRAY[NULL], ARRAY[NULL::bytea],
      ${of('refund_of_device_id', 'p.refund_of_device_id')}, ${of('refund_of_counter', 'p.refund_of_counter')}, '{}', now()) r
      WHERE s.device_id = '${set.device.id}' AND s.bundle_id NOT LIKE '7%'`
  }

  test.each([
    ['a bundle that is not recorded', { bundle_id: "'01JDXXXXXXXXXXXXXXXXXXXXXX'" }],
    ['a number that is not in it', { counter: '77' }],
    ['a larger amount', { amount: 'p.amount_minor * 10' }],
    ['another sender', { sender: "'W-VICTIM'" }],
    ['another receiver', { receiver: "'W-THIEF'" }],
    ['something that it gives back', { refund_of_device_id: 's.device_id', refund_of_counter: '1' }],
  ])('is refused for %s', async (_, over) => {
    await expect(set.as('settle', ask(over))).rejects.toThrow('not as its recorded bundle has it')
  })

  test.each([
    'insufficient_funds',
    'wallet_frozen',
    'payer_refused',
    'review_expired',
    'refund_not_possible',
    'unknown_wallet',
  ])('is refused when it says that it fails as %s, which is the ledger’s to say', async (reason) => {
    const asked = ask({ status: "'failed'", reason: `'${reason}'` })
    await expect(set.as('settle', asked)).rejects.toThrow('for a reason that is not its caller’s to give')
  })

  test('is a copy when it was posted before', async () => {
    const before = await db().balance(set.payer)
    await expect(set.as('settle', ask())).resolves.toMatchObject([{ status: 'refused', reason: 'duplicate' }])
    expect(await db().balance(set.payer)).toBe(before)
  })

  test.each([
    ['refused', 'review'],
    ['refused', 'pending'],
    ['review', 'pending'],
    ['quarantined', 'pending'],
  ])('is refused when the edge’s receipt says %s and it says %s', async (decision, status) => {
    const device = await world.device()
    const payment = device.payment({ sender: set.payer })
    const reason = decision === 'refused' ? 'limit_exceeded' : 'amount_review'
    const exceptions = [{ counter: payment.counter, decision: decision as 'refused', reason }]
    world.network.send(world.facts(device), await world.admit(device, [payment], exceptions))
    await world.settle()
    const asked = ask({ status: `'${status}'` }).replace(set.device.id, device.id)
    await expect(set.as('settle', asked)).rejects.toThrow('not as its recorded bundle has it')
  })
})

test('a message in the inbox is kept as it came or dropped: neither login writes another into it', async () => {
  world.network.send((await world.facts(await world.device())).slice(0, -1))
  await world.settle()
  for (const login of ['record', 'settle'] as const) {
    await expect(set.as(login, "UPDATE offline_sync_queue SET body = 'x' WHERE status <> 'done'")).rejects.toThrow(
      'append-only',
    )
  }
})

test('a resolution that the edge has not signed is not carried out, whoever wrote its row', async () => {
  await set.as(
    'record',
    `INSERT INTO offline_resolutions (device_id, rev, counter, bundle_id, choice, reason, actors, content_hash, message, decided_at, recorded_at)
     SELECT device_id, 1, 1, bundle_id, 'reverse', 'duplicate', '{user:anna,user:bo}', digest, receipt, now(), now()
     FROM offline_signed_bundles WHERE device_id = $1`,
    [set.device.id],
  )
  const before = await db().balance(set.payer)
  await world.settle()
  expect(await db().balance(set.payer)).toBe(before)
  const { rows } = await db().app.query('SELECT result, last_error FROM offline_resolutions WHERE device_id = $1', [
    set.device.id,
  ])
  expect(rows).toEqual([{ result: null, last_error: 'not_signed' }])
})

test('a bundle that was recorded with other terms than its bytes is never posted so', async () => {
  const device = await world.device()
  const message = await world.admit(device, [device.payment({ sender: set.payer })])
  world.network.send(world.facts(device), message)
  const reconciler = await world.reconciler()
  // Somebody with the login that records comes first, with ten times the amount.
  await db().owner.query(
    `CREATE FUNCTION pg_temp_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       SELECT array_agg(ROW(p.counter, p.content_hash, p.type, p.method, p.amount_minor * 10, p.currency, p.sender, p.receiver,
                            p.merchant_id, p.initiated_at, p.decision, p.refund_of_device_id,
                            p.refund_of_counter)::offline_signed_payment) INTO new.payments
       FROM unnest(new.payments) p; RETURN new; END $$`,
  )
  await db().owner.query(
    'CREATE TRIGGER more BEFORE INSERT ON offline_signed_bundles FOR EACH ROW EXECUTE FUNCTION pg_temp_more()',
  )
  const before = await db().balance(set.payer)
  await reconciler.once()
  await db().owner.query('DROP TRIGGER more ON offline_signed_bundles')
  expect(await db().balance(set.payer)).toBe(before)
  const { rows } = await db().app.query(
    "SELECT last_error FROM offline_sync_queue WHERE device_id = $1 AND kind = 'bundle'",
    [device.id],
  )
  expect(rows[0].last_error).toContain('not as its recorded bundle has it')
})

test('settings that make two logins one are refused, and so is a login that could be another role', async () => {
  const { record } = db().logins
  expect(() => parseConfig({ ...world.env, SETTLE_DATABASE_URL: record })).toThrow(
    'RECORD_DATABASE_URL and SETTLE_DATABASE_URL are one login',
  )
  const everybody = openPool(
    { url: record.replace('//record:', '//everybody:'), role: 'molam_record' },
    () => undefined,
  )
  await expect(everybody.query('SELECT 1')).rejects.toThrow(UnguardedSession)
  await expect(everybody.query('SELECT 1')).rejects.toThrow('other_roles is molam_settle+molam_read and not none')
  await everybody.end()
})
