import { afterAll, beforeAll, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import type { Verification } from '../../../reconciler/verify/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { TestDevice } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'
import { call, tamper } from './kit.ts'

const db = useDatabase()
let world: World
let device: TestDevice
let payer: string
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 10_000)
  device = await world.device()
  const payments = [3000, 3000, 9000, 1000].map((amount) =>
    device.payment({ sender: payer, amount: amountMinor(amount) }),
  )
  const refused = [{ counter: 4, decision: 'refused' as const, reason: 'limit_exceeded' }]
  world.network.send(world.facts(device), await world.admit(device, payments, refused))
  world.network.send(
    await world.admit(device, [device.payment({ sender: payer }), { counter: device.counter++, voided: true }]),
  )
  const copied = { ...(payments[0] as (typeof payments)[number]) }
  world.network.send(
    await world.admit(device, [copied], [{ counter: 1, decision: 'refused' as const, reason: 'duplicate' }]),
  )
  await world.settle()
})
afterAll(() => world.close())

async function verified(args: readonly string[] = []) {
  const { code, output } = await call(verify, ['--json', ...args], world)
  const { sound, findings, waiting } = JSON.parse(output) as Verification
  expect(code).toBe(sound ? 0 : 1)
  const wrong = findings.filter(({ found }) => found > 0).map(({ check }) => check)
  return { sound, findings, waiting, wrong }
}

test('a book as the reconciler leaves it is sound, every bundle opened', async () => {
  const { sound, findings, wrong, waiting } = await verified()
  expect(wrong).toEqual([])
  expect(sound).toBe(true)
  expect(waiting).toEqual([])
  expect(findings.filter(({ skipped }) => skipped)).toEqual([])
  expect(findings.find(({ check }) => check === 'bundle_evidence')?.promise).toContain('(all: 3)')
})

test('what waits is shown and is not wrong', async () => {
  const late = await world.device()
  world.network.send(await world.admit(late, [late.payment({ sender: payer })]))
  await (await world.reconciler()).once()
  const { sound, waiting } = await verified()
  expect(sound).toBe(true)
  expect(waiting).toContainEqual({ what: 'messages in the inbox', count: 1 })
  world.network.send(world.facts(late))
  await world.settle()
})

test('people get a line for each check, and the progress', async () => {
  const { code, output, progress } = await call(verify, [], world)
  expect(code).toBe(0)
  expect(output).toMatch(/✓ {2}currency_sums/)
  expect(output).toContain('the book is sound')
  expect(progress.length).toBeGreaterThan(15)
})

test('without the edge’s keys it must be told so, and says what was not checked', async () => {
  await expect(call(verify, [], world, { EDGE_KEYS: undefined, KEY_WRAPPING_SECRET: undefined })).rejects.toThrow(
    'EDGE_KEYS, KEY_WRAPPING_SECRET and CONSENT_CODE_KEY, or --without-evidence',
  )
  await expect(call(verify, [], world, { CONSENT_CODE_KEY: undefined })).rejects.toThrow('CONSENT_CODE_KEY')
  const { code, output } = await call(verify, ['--without-evidence'], world, { EDGE_KEYS: undefined })
  expect(code).toBe(0)
  expect(output).not.toContain('the book is sound')
  expect(output).toContain('not checked: bundle_evidence')
})

test.each([['--sample', '0'], ['--sample=1', '--without-evidence'], ['--full'], ['--nonsense']])(
  '%s %s: not called correctly',
  async (...args) => {
    expect((await call(verify, args.filter(Boolean) as string[], world)).code).toBe(2)
  },
)

/** Each is undone after it was found; `id` is of this test's device. */
const damages: readonly [string, string, string, readonly string[]][] = [
  [
    'an entry’s amount is changed',
    'UPDATE wallet_core.entries SET amount_minor = amount_minor + 1 WHERE seq = 2',
    'UPDATE wallet_core.entries SET amount_minor = amount_minor - 1 WHERE seq = 2',
    ['currency_sums', 'account_balances', 'running_balances', 'transfer_entries'],
  ],
  [
    'an account’s balance is changed',
    'UPDATE wallet_core.accounts SET balance_minor = balance_minor + 5 WHERE floor_minor = 0',
    'UPDATE wallet_core.accounts SET balance_minor = balance_minor - 5 WHERE floor_minor = 0',
    ['account_balances'],
  ],
  [
    'an entry’s number is moved',
    'UPDATE wallet_core.entries SET seq = 99 WHERE seq = 3',
    'UPDATE wallet_core.entries SET seq = 3 WHERE seq = 99',
    ['running_balances'],
  ],
  [
    'a floor is above what an account once held',
    'ALTER TABLE wallet_core.accounts DROP CONSTRAINT accounts_floor; UPDATE wallet_core.accounts SET floor_minor = 1000000 WHERE floor_minor = 0',
    'UPDATE wallet_core.accounts SET floor_minor = 0 WHERE floor_minor = 1000000; ALTER TABLE wallet_core.accounts ADD CONSTRAINT accounts_floor CHECK (floor_minor IS NULL OR balance_minor - held_minor >= floor_minor)',
    ['floors'],
  ],
  [
    'a transfer’s currency is not its accounts’',
    "UPDATE wallet_core.transfers SET currency = 'EUR' WHERE kind = 'funding'",
    "UPDATE wallet_core.transfers SET currency = 'XOF' WHERE kind = 'funding'",
    ['transfer_accounts'],
  ],
  [
    'a payment that was refused is said to have succeeded',
    "UPDATE offline_transactions SET status = 'succeeded', transfer_id = uuidv7() WHERE status = 'refused'",
    "UPDATE offline_transactions SET status = 'refused', transfer_id = NULL WHERE status = 'succeeded' AND reason = 'limit_exceeded'",
    ['payments_posted', 'device_activity', 'bundle_evidence'],
  ],
  [
    'a payment that was posted is said to have failed',
    "CREATE TABLE kept AS SELECT * FROM offline_transactions WHERE status = 'succeeded'; UPDATE offline_transactions SET status = 'failed', reason = 'lost', transfer_id = NULL WHERE status = 'succeeded'",
    'UPDATE offline_transactions p SET status = k.status, reason = k.reason, transfer_id = k.transfer_id FROM kept k WHERE (k.device_id, k.counter) = (p.device_id, p.counter); DROP TABLE kept',
    ['payments_posted', 'bundle_statuses'],
  ],
  [
    'a payment is said to be reversed',
    "UPDATE offline_transactions SET status = 'reversed', reversal_transfer_id = uuidv7() WHERE status = 'succeeded' AND counter = 1",
    "UPDATE offline_transactions SET status = 'succeeded', reversal_transfer_id = NULL WHERE status = 'reversed'",
    ['reversals', 'resolutions_carried_out'],
  ],
  [
    'a payment’s row is gone',
    'CREATE TABLE kept AS SELECT * FROM offline_transactions WHERE counter = 2; DELETE FROM offline_transactions WHERE counter = 2',
    'INSERT INTO offline_transactions SELECT * FROM kept; DROP TABLE kept',
    ['payments_posted', 'device_activity', 'audit_complete', 'bundle_evidence'],
  ],
  [
    'a payment’s parties are changed, here and in the ledger’s accounts',
    "UPDATE offline_transactions SET merchant_id = 'another' WHERE counter = 3",
    'UPDATE offline_transactions SET merchant_id = NULL WHERE counter = 3',
    ['bundle_evidence'],
  ],
  [
    'a bundle is gone',
    'CREATE TABLE kept AS SELECT * FROM offline_tx_bundles WHERE seq = 2; DELETE FROM offline_tx_bundles WHERE seq = 2',
    'INSERT INTO offline_tx_bundles SELECT * FROM kept; DROP TABLE kept',
    ['payments_of_bundles', 'receipts_accounted', 'device_activity', 'bundle_evidence'],
  ],
  [
    'a bundle’s bytes are changed',
    'UPDATE offline_signed_bundles SET bundle = set_byte(bundle, length(bundle) - 1, 255 - get_byte(bundle, length(bundle) - 1))',
    'UPDATE offline_signed_bundles SET bundle = set_byte(bundle, length(bundle) - 1, 255 - get_byte(bundle, length(bundle) - 1))',
    ['bundle_evidence'],
  ],
  [
    'a bundle’s digest is changed',
    'UPDATE offline_tx_bundles SET digest = set_byte(digest, 0, 255 - get_byte(digest, 0))',
    'UPDATE offline_tx_bundles SET digest = set_byte(digest, 0, 255 - get_byte(digest, 0))',
    ['audit_complete', 'bundles_signed', 'bundle_evidence'],
  ],
  [
    'a bundle is said to have come under another policy',
    'UPDATE offline_tx_bundles SET policy_version = 2',
    'UPDATE offline_tx_bundles SET policy_version = 1',
    ['bundle_evidence'],
  ],
  [
    'a bundle is said to be of another country',
    "UPDATE offline_tx_bundles SET country = 'SN'",
    "UPDATE offline_tx_bundles SET country = 'BJ'",
    ['bundle_evidence'],
  ],
  [
    'the edge will never be told',
    'CREATE TABLE kept AS SELECT * FROM offline_outbox; DELETE FROM offline_outbox',
    'INSERT INTO offline_outbox OVERRIDING SYSTEM VALUE SELECT * FROM kept; DROP TABLE kept',
    ['bundles_owed'],
  ],
  [
    'a settled bundle has no signed bytes',
    'CREATE TABLE kept AS SELECT * FROM offline_signed_bundles; DELETE FROM offline_signed_bundles',
    'INSERT INTO offline_signed_bundles SELECT * FROM kept; DROP TABLE kept',
    ['bundles_signed'],
  ],
  [
    'a bundle is said to have been recorded with other terms',
    `UPDATE offline_signed_bundles SET payments[1].amount_minor = 1 WHERE cardinality(payments) > 0`,
    'UPDATE offline_signed_bundles s SET payments[1].amount_minor = t.amount_minor FROM offline_transactions t WHERE t.device_id = s.device_id AND t.counter = (s.payments[1]).counter',
    ['bundle_evidence'],
  ],
  [
    'a device is said to be another wallet’s',
    "CREATE TABLE kept AS SELECT device_id, owner_wallet FROM offline_devices; UPDATE offline_devices SET owner_wallet = 'W-THIEF'",
    'UPDATE offline_devices d SET owner_wallet = k.owner_wallet FROM kept k WHERE k.device_id = d.device_id; DROP TABLE kept',
    ['device_evidence'],
  ],
  [
    'a device is not registered any more',
    'CREATE TABLE kept AS SELECT * FROM offline_devices; DELETE FROM offline_devices',
    'INSERT INTO offline_devices SELECT * FROM kept; DROP TABLE kept',
    ['bundle_sources', 'device_keys', 'bundle_evidence'],
  ],
  [
    'a day’s activity is changed',
    'UPDATE offline_device_activity SET count = count + 1',
    'UPDATE offline_device_activity SET count = count - 1',
    ['device_activity'],
  ],
  [
    'a wallet was debited without its owner’s word',
    'CREATE TABLE kept AS SELECT * FROM offline_payer_authorizations; DELETE FROM offline_payer_authorizations',
    'INSERT INTO offline_payer_authorizations SELECT * FROM kept; DROP TABLE kept',
    ['debit_authority'],
  ],
  [
    'a large payment was posted that no agent approved',
    "UPDATE offline_transactions SET amount_minor = 60000 WHERE status = 'succeeded' AND counter = 1",
    "UPDATE offline_transactions SET amount_minor = 3000 WHERE status = 'succeeded' AND counter = 1",
    ['agent_approvals', 'payments_posted', 'bundle_evidence'],
  ],
  [
    'an agent’s approval belongs to nothing',
    "INSERT INTO offline_agent_approvals VALUES ('D', '\\x00112233445566778899aabbccddeeff', 'A', 1)",
    "DELETE FROM offline_agent_approvals WHERE device_id = 'D'",
    ['agent_approvals'],
  ],
  [
    'a claim was posted that nobody confirmed',
    "UPDATE offline_transactions SET claim_until = status_at + interval '1 day' WHERE status = 'succeeded' AND counter = 1",
    'UPDATE offline_transactions SET claim_until = NULL WHERE claim_until IS NOT NULL',
    ['debit_authority', 'claims'],
  ],
  [
    'a payment is said to have cost a fee',
    "UPDATE offline_transactions SET fee_minor = 5, fee_bearer = 'payee' WHERE status = 'succeeded' AND counter = 1",
    'UPDATE offline_transactions SET fee_minor = 0, fee_bearer = NULL WHERE fee_minor = 5',
    ['fees'],
  ],
  [
    'an account is said to hold money',
    'UPDATE wallet_core.accounts SET held_minor = 1 WHERE balance_minor > 0',
    'UPDATE wallet_core.accounts SET held_minor = 0',
    ['held_money'],
  ],
  [
    'money is held for a payment that was posted long ago',
    `INSERT INTO wallet_core.holds SELECT p.device_id, p.counter, a.account_id, p.amount_minor, now()
     FROM offline_transactions p JOIN wallet_core.accounts a ON a.wallet_id = p.sender WHERE status = 'succeeded' AND counter = 1`,
    'DELETE FROM wallet_core.holds',
    ['held_money', 'holds', 'holds_on_record'],
  ],
  [
    'a hold is said to have been released, and its payment was posted',
    `INSERT INTO wallet_core.holds SELECT p.device_id, p.counter, a.account_id, p.amount_minor, now(), now(), 'released'
     FROM offline_transactions p JOIN wallet_core.accounts a ON a.wallet_id = p.sender WHERE status = 'succeeded' AND counter = 1`,
    'DELETE FROM wallet_core.holds',
    ['holds', 'holds_on_record'],
  ],
  [
    'a payment waits, and of its money nothing is on record',
    "UPDATE offline_transactions SET status = 'review' WHERE status = 'refused'",
    "UPDATE offline_transactions SET status = 'refused' WHERE status = 'review'",
    ['holds_on_record'],
  ],
  [
    'a decision is said to have been carried out',
    `INSERT INTO offline_resolutions VALUES ('D', 1, 1, 'B', 'approve', NULL, '{user:a}', sha256(''), '', now(), now(), 'applied', now(), 0, now(), NULL)`,
    'DELETE FROM offline_resolutions',
    ['resolutions_carried_out'],
  ],
  [
    'why a payment failed is changed',
    "UPDATE offline_transactions SET reason = 'limit_exceeded' WHERE counter = 3",
    "UPDATE offline_transactions SET reason = 'insufficient_funds' WHERE counter = 3",
    ['payment_statuses'],
  ],
  [
    'a payment that was to wait is posted though nobody decided about it',
    `UPDATE offline_audit_logs SET detail = jsonb_set(detail, '{payments,0}', '[1, "review", "amount_review"]')
     WHERE action = 'bundle_settled' AND detail -> 'payments' -> 0 ->> 1 = 'succeeded' AND detail -> 'payments' -> 0 ->> 0 = '1'`,
    `UPDATE offline_audit_logs SET detail = jsonb_set(detail, '{payments,0}', '[1, "succeeded"]')
     WHERE detail -> 'payments' -> 0 ->> 1 = 'review'`,
    ['payment_statuses', 'audit_chain'],
  ],
  [
    'people are said to have approved what never waited',
    `INSERT INTO offline_resolutions SELECT device_id, 1, 1, bundle_id, 'approve', NULL, '{user:a}', sha256(''), '', now(), now(), 'applied', now(), 0, now(), NULL
     FROM offline_transactions WHERE counter = 1 AND status = 'succeeded' LIMIT 1`,
    'DELETE FROM offline_resolutions',
    ['payment_statuses'],
  ],
  [
    'a bundle is gone, while another of its device waits in the inbox',
    `CREATE TABLE kept AS SELECT * FROM offline_tx_bundles WHERE seq = 2; DELETE FROM offline_tx_bundles WHERE seq = 2;
     INSERT INTO offline_sync_queue (dedup_key, kind, device_id, bundle_id, body, status, next_retry_at, received_at, parked_at)
     SELECT 'forged', 'bundle', device_id, 'ANOTHER', '\\x00', 'parked', now(), now(), now() FROM kept`,
    `INSERT INTO offline_tx_bundles SELECT * FROM kept; DROP TABLE kept; DELETE FROM offline_sync_queue WHERE dedup_key = 'forged'`,
    ['receipts_accounted'],
  ],
  [
    'a bundle that was settled is gone with all that says so, except that its message was done',
    `CREATE TABLE kept AS SELECT * FROM offline_tx_bundles WHERE seq = 2; DELETE FROM offline_tx_bundles WHERE seq = 2;
     CREATE TABLE told AS SELECT o.* FROM offline_outbox o JOIN kept USING (device_id, bundle_id);
     DELETE FROM offline_outbox o USING kept k WHERE o.bundle_id = k.bundle_id`,
    `INSERT INTO offline_tx_bundles SELECT * FROM kept; INSERT INTO offline_outbox OVERRIDING SYSTEM VALUE SELECT * FROM told;
     DROP TABLE kept; DROP TABLE told`,
    ['receipts_accounted'],
  ],
  [
    'a device has two bundles in one place of its chain',
    'UPDATE offline_tx_bundles SET seq = 1 WHERE seq = 2',
    'UPDATE offline_tx_bundles SET seq = 2 WHERE seq = 1 AND first_counter = 5',
    ['bundle_chain', 'bundle_evidence'],
  ],
  [
    'new money comes from a customer',
    "UPDATE wallet_core.transfers t SET debit_account_id = (SELECT account_id FROM wallet_core.accounts WHERE kind = 'merchant' LIMIT 1) WHERE kind = 'funding'",
    "UPDATE wallet_core.transfers t SET debit_account_id = (SELECT account_id FROM wallet_core.accounts WHERE wallet_id = 'system:treasury:' || t.currency) WHERE kind = 'funding'",
    ['transfer_accounts', 'transfer_entries'],
  ],
  [
    'the last record of a device is cut off',
    "CREATE TABLE kept AS SELECT * FROM offline_audit_logs WHERE action = 'device_recorded'; DELETE FROM offline_audit_logs WHERE action = 'device_recorded'",
    'INSERT INTO offline_audit_logs SELECT * FROM kept; DROP TABLE kept',
    ['audit_devices', 'audit_complete'],
  ],
  [
    'a decision is on no record',
    `INSERT INTO offline_resolutions SELECT device_id, 7, 1, bundle_id, 'approve', NULL, '{user:a}', sha256(''), '', now(), now(), NULL, NULL, 0, now(), NULL
     FROM offline_transactions WHERE counter = 1 LIMIT 1`,
    'DELETE FROM offline_resolutions',
    ['audit_resolutions'],
  ],
  [
    'a policy came from nowhere',
    "INSERT INTO offline_policies (country, version, time_zone, signed) VALUES ('SN', 99, 'Africa/Dakar', '\\xd2')",
    'DELETE FROM offline_policies WHERE version = 99',
    ['audit_policies', 'policies_signed'],
  ],
  [
    'entries can be changed',
    'ALTER TABLE wallet_core.entries DISABLE TRIGGER entries_append_only',
    'ALTER TABLE wallet_core.entries ENABLE TRIGGER entries_append_only',
    ['append_only'],
  ],
  [
    'the application may change the audit log',
    'GRANT UPDATE (detail) ON offline_audit_logs TO molam_settle',
    'REVOKE UPDATE (detail) ON offline_audit_logs FROM molam_settle',
    ['append_only'],
  ],
  [
    'audit records are not chained any more',
    'ALTER TABLE offline_audit_logs DISABLE TRIGGER offline_audit_logs_chain',
    'ALTER TABLE offline_audit_logs ENABLE TRIGGER offline_audit_logs_chain',
    ['append_only'],
  ],
  [
    'a payer’s signature belongs to nothing',
    "INSERT INTO offline_payer_authorizations VALUES ('P', '\\x00112233445566778899aabbccddeeff', 'D', 1, 'W', now())",
    "DELETE FROM offline_payer_authorizations WHERE payer_device_id = 'P'",
    ['payer_authorizations'],
  ],
]

test.each(damages)('%s: found', async (_, harm, repair, expected) => {
  await tamper(db().ownerUrl, harm)
  const { wrong, findings } = await verified()
  await tamper(db().ownerUrl, repair)
  expect(wrong).toEqual(expect.arrayContaining([...expected]))
  // What is wrong is named by ids, never by wallets.
  expect(JSON.stringify(findings)).not.toContain(payer)
  expect((await verified()).wrong).toEqual([])
})
