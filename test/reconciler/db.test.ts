import pg from 'pg'
import { expect, test } from 'vitest'
import { isTransient, NotCommitted, openPool, transact } from '../../reconciler/db.ts'
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
  const pool = openPool({ url: db().logins.settle, role: 'molam_settle' }, () => undefined)
  const { rows } = await pool.query("SELECT current_user, current_setting('lock_timeout') AS lock_timeout")
  expect(rows).toEqual([{ current_user: 'molam_settle', lock_timeout: '10s' }])
  await pool.end()
})

test('an integer beyond 2^53 is an error, never rounded', async () => {
  await expect(db().app.query('SELECT 9007199254740993::bigint')).rejects.toThrow(RangeError)
  expect((await db().app.query('SELECT 9007199254740991::bigint AS n')).rows).toEqual([{ n: 9007199254740991 }])
})

test('a lost connection may go better next time; a broken rule and a statement that takes too long may not', async () => {
  const error = async (sql: string) =>
    db()
      .app.query(sql)
      .catch((e: unknown) => e)
  expect(isTransient(await error('SET ROLE NONE; SELECT pg_terminate_backend(pg_backend_pid())'))).toBe(true)
  expect(isTransient(await error('SET statement_timeout = 5; SELECT pg_sleep(1)'))).toBe(false)
  expect(isTransient(await error('SELECT 1 / 0'))).toBe(false)
  expect(isTransient(new TypeError('x is not a function'))).toBe(false)
})

test.each([
  ['08006', true],
  ['40P01', true],
  ['40001', true],
  ['53300', true],
  ['55P03', true],
  ['57P01', true],
  ['57P03', true],
  ['25P03', true],
  ['25006', true],
  ['57014', false],
  ['55000', false],
  ['23505', false],
  ['22003', false],
  ['XX000', false],
])('SQLSTATE %s: the database’s own fault: %s', (code, expected) => {
  const error = Object.assign(new pg.DatabaseError('x', 1, 'error'), { code })
  expect(isTransient(error)).toBe(expected)
})

test.each([
  [Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), true],
  [new Error('Connection terminated unexpectedly'), true],
  [new Error('timeout exceeded when trying to connect'), true],
  [new DOMException('no such zone', 'NotSupportedError'), false],
  [Object.assign(new RangeError('out of range'), { code: 'ERR_OUT_OF_RANGE' }), false],
  [new Error('a policy without a connection to its country'), false],
])('%s: the connection’s fault: %s', (error, expected) => {
  expect(isTransient(error)).toBe(expected)
})
