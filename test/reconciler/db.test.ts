import { expect, test } from 'vitest'
import { isTransient, NotCommitted, transact } from '../../reconciler/db.ts'
import { useDatabase } from './database.ts'

const db = useDatabase()

test('a transaction that failed inside is not taken for committed', async () => {
  const swallowed = transact(db().app, async (client) => {
    await client.query('SELECT 1 / 0').catch(() => undefined)
  })
  await expect(swallowed).rejects.toThrow(NotCommitted)
})

test('what a failed transaction did is undone and its connection is not used again', async () => {
  const policy = "INSERT INTO offline_policies (country, version, time_zone) VALUES ('XX', 1, 'UTC')"
  const failed = transact(db().app, async (client) => {
    await client.query(policy)
    throw new Error('no')
  })
  await expect(failed).rejects.toThrow('no')
  expect((await db().app.query("SELECT FROM offline_policies WHERE country = 'XX'")).rowCount).toBe(0)
})

test('the session is the application’s, whoever logs in', async () => {
  const { rows } = await db().app.query("SELECT current_user, current_setting('lock_timeout') AS lock_timeout")
  expect(rows).toEqual([{ current_user: 'molam_reconciler', lock_timeout: '10s' }])
})

test('an integer beyond 2^53 is an error, never rounded', async () => {
  await expect(db().app.query('SELECT 9007199254740993::bigint')).rejects.toThrow(RangeError)
  expect((await db().app.query('SELECT 9007199254740991::bigint AS n')).rows).toEqual([{ n: 9007199254740991 }])
})

test('deadlocks, timeouts and lost connections may go better next time; broken rules may not', async () => {
  const error = async (sql: string) =>
    db()
      .app.query(sql)
      .catch((e: unknown) => e)
  expect(isTransient(await error('SET ROLE NONE; SELECT pg_terminate_backend(pg_backend_pid())'))).toBe(true)
  expect(isTransient(await error('SET statement_timeout = 5; SELECT pg_sleep(1)'))).toBe(true)
  expect(isTransient(await error('SELECT 1 / 0'))).toBe(false)
  expect(isTransient(new TypeError('x is not a function'))).toBe(false)
})
