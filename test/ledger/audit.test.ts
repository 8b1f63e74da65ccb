import { expect, test } from 'vitest'
import { useDatabase } from '../reconciler/database.ts'

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
