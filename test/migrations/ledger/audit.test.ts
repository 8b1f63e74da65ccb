import { expect, test } from 'vitest'
import { useDatabase } from '../../reconciler/database.ts'

const db = useDatabase()

const record = (stream: string, action: string) =>
  db().app.query('INSERT INTO offline_audit_logs (stream, at, actor, action, detail) VALUES ($1, now(), $2, $3, $4)', [
    stream,
    'reconciler',
    action,
    { counters: [1, 2] },
  ])
const breaks = async (stream: string) => {
  const { rows } = await db().app.query('SELECT seq FROM offline_audit_breaks WHERE stream = $1 ORDER BY seq', [stream])
  return rows.map(({ seq }) => seq)
}
/** What an intruder with the owner's rights can do. */
const tamper = async (sql: string) => {
  await db().owner.query(
    `ALTER TABLE offline_audit_logs DISABLE TRIGGER ALL; ${sql}; ALTER TABLE offline_audit_logs ENABLE TRIGGER ALL`,
  )
}

test('records of a stream are chained, also when many are written at once', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, i) => record('parallel', `action ${i}`)))
  const { rows } = await db().app.query("SELECT seq FROM offline_audit_logs WHERE stream = 'parallel' ORDER BY seq")
  expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  expect(await breaks('parallel')).toEqual([])
})

test('the chain is the trigger’s: what a writer says about it is ignored', async () => {
  await db().app.query(
    "INSERT INTO offline_audit_logs VALUES ('mine', 40, now(), 'a', 'b', NULL, NULL, '{}', '\\x00', '\\x00')",
  )
  expect(await breaks('mine')).toEqual([])
})

test.each([
  ['changed', "UPDATE offline_audit_logs SET detail = '{}' WHERE stream = 'changed' AND seq = 2", [2]],
  ['removed', "DELETE FROM offline_audit_logs WHERE stream = 'removed' AND seq = 2", [3, 4]],
  [
    'reordered',
    "UPDATE offline_audit_logs SET seq = CASE seq WHEN 2 THEN 3 ELSE 2 END + 10 WHERE stream = 'reordered' AND seq IN (2, 3); UPDATE offline_audit_logs SET seq = seq - 10 WHERE stream = 'reordered' AND seq > 10",
    [2, 3, 4],
  ],
])('a record that was %s shows', async (stream, sql, broken) => {
  for (let i = 1; i <= 4; i++) await record(stream, `action ${i}`)
  expect(await breaks(stream)).toEqual([])
  await tamper(sql)
  expect(await breaks(stream)).toEqual(broken)
})

const onRecord = async (stream: string) => {
  const { rows } = await db().app.query(
    'SELECT actor, action, detail FROM offline_audit_logs WHERE stream = $1 ORDER BY seq',
    [stream],
  )
  return rows
}

test('accounts that are opened, changed or frozen are on record, by number and never by wallet', async () => {
  const before = (await onRecord('accounts')).length
  await db().open('+229-payer', 100)
  const set = (frozen: boolean, by: string | null = 'user:awa', why: string | null = 'reported as stolen') =>
    db().owner.query("SELECT wallet_core.set_frozen('+229-payer', $1, $2, $3)", [frozen, by, why])
  await set(true)
  await set(true)
  await set(false, 'user:bo', 'found again')
  await db().owner.query("UPDATE wallet_core.accounts SET floor_minor = -5 WHERE wallet_id = '+229-payer'")
  await db().owner.query("UPDATE wallet_core.accounts SET kind = 'merchant' WHERE wallet_id = '+229-payer'")
  const records = (await onRecord('accounts')).slice(before)
  expect(records.filter(({ detail }) => detail.kind !== 'system')).toMatchObject([
    { action: 'account_opened', detail: { frozen: false, floor_minor: 0 } },
    { action: 'account_held', detail: { tenant: 'molam', phone: false } },
    { action: 'accounts_funded', detail: { transfers: 1, sum_minor: 100, currency: 'XOF' } },
    { action: 'account_changed', actor: 'user:awa', detail: { frozen: true, reason: 'reported as stolen' } },
    { action: 'account_changed', actor: 'user:bo', detail: { frozen: false, reason: 'found again' } },
    { action: 'account_changed', detail: { floor_minor: -5 } },
    { action: 'account_changed', detail: { kind: 'merchant', floor_minor: -5 } },
  ])
  expect(JSON.stringify(records)).not.toContain('payer')
  for (const [by, why] of [
    ['', 'why'],
    ['user:awa', null],
  ] as const) {
    await expect(set(true, by, why)).rejects.toThrow(/who, and why/)
  }
  await expect(db().owner.query("SELECT wallet_core.set_frozen('nobody', true, 'a', 'b')")).rejects.toThrow(/no such/)
})

test('a tariff is on record', async () => {
  await db().owner.query("SELECT set_offline_fee('TG', 'cashout', 'XOF', 5, 100, 'payer', now())")
  expect(await onRecord('fees:TG')).toMatchObject([
    {
      action: 'fee_rule_set',
      detail: { type: 'cashout', version: 1, flat_minor: 5, basis_points: 100, bearer: 'payer' },
    },
  ])
})
