import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Login } from '../../reconciler/config.ts'
import { transact } from '../../reconciler/db.ts'
import { postBundles } from '../../reconciler/settle/post.ts'
import { recordBundles } from '../../reconciler/settle/record-bundles.ts'
import { brokenAtQuiet } from '../../sim/book/checks.ts'
import { brokenNow } from '../../sim/book/checks-cheap.ts'
import type { DatabaseFault } from '../../sim/book/faults.ts'
import { fundWallets } from '../../sim/book/fund.ts'
import { Book } from '../../sim/book/pglite.ts'
import { DatabaseProcess } from '../../sim/book/pool.ts'
import { transactionRows, underWay, walletBalances } from '../../sim/book/rows.ts'
import { DatabaseServer } from '../../sim/book/server.ts'
import { Random } from '../../sim/time/random.ts'
import { Scheduler } from '../../sim/time/scheduler.ts'
import { preparedBundle, registerDevice } from './prepared-bundle.ts'

const LOGIN = { url: 'postgresql://app@database.sim/book', role: 'molam_record' } as const
const START_MS = Date.UTC(2026, 10, 30)
let book: Book
let world: ReturnType<typeof openWorld>

beforeAll(async () => {
  book = await Book.open()
}, 120_000)
afterAll(() => book.close())
beforeEach(() => {
  book.begin(1)
  world = openWorld()
})
afterEach(async () => {
  await world.until(Promise.all(world.pools.map((pool) => pool.end())))
  book.end()
})

function openWorld(seed = 1) {
  const scheduler = new Scheduler(START_MS, new Random(seed))
  const forced: DatabaseFault[] = []
  const strikes = (fault: DatabaseFault) => forced[0] === fault && forced.shift() !== undefined
  const server = new DatabaseServer({
    scheduler,
    random: new Random(seed).stream('database'),
    book,
    faults: { strikes },
  })
  const pools: pg.Pool[] = []
  const commits = { count: 0 }
  server.onCommit(() => void commits.count++)
  return {
    ...{ scheduler, server, forced, pools, commits },
    /** With a pool that is never closed: nobody closes what was killed. */
    process(role: Login['role'] = 'molam_record') {
      const process = new DatabaseProcess(server, 'reconciler')
      return { process, pool: process.openPool({ ...LOGIN, role }, () => undefined, 4, 30_000) }
    },
    pool(role: Login['role'] = 'molam_record') {
      const { pool } = this.process(role)
      pools.push(pool)
      return pool
    },
    /** Lets simulated time run until this is done, or nothing is left to wait for. */
    async until<T>(work: Promise<T>): Promise<T> {
      let isDone = false
      const done = () => {
        isDone = true
      }
      work.then(done, done)
      await scheduler.run(() => isDone)
      return work
    },
  }
}

const PUT = `INSERT INTO offline_sync_queue (dedup_key, kind, body, next_retry_at, received_at)
             VALUES ($1, 'bundle', 'x', now(), now())`
const inbox = () => book.read<{ dedup_key: string }>('SELECT dedup_key FROM offline_sync_queue ORDER BY id')
const put = (pool: pg.Pool, key: string) => transact(pool, (client) => client.query(PUT, [key]))

describe('a run', () => {
  test('begins as the application, with the policies of the migrations and nothing else', () => {
    expect(book.read('SELECT current_user::text AS role')).toEqual([{ role: 'molam_read' }])
    expect(book.read('SELECT count(*) AS n FROM offline_policies')).toEqual([{ n: 6 }])
    expect(book.read('SELECT count(*) AS n FROM wallet_core.accounts')).toEqual([{ n: 0 }])
  })

  test('leaves nothing, and gives the same ids and chances for the same seed', async () => {
    const made: unknown[] = []
    for (const seed of [5, 5, 6]) {
      book.end()
      book.begin(seed)
      await world.until(put(world.pool(), 'a'))
      made.push(book.read('SELECT id, random() AS chance, right(uuidv7()::text, 20) AS tail FROM offline_sync_queue'))
    }
    expect(made[1]).toEqual(made[0])
    expect(made[2]).not.toEqual(made[0])
    book.end()
    book.begin(1)
    expect(inbox()).toEqual([])
  })

  test('keeps grants: the application cannot move money by itself', async () => {
    const denied = world.pool().query('UPDATE wallet_core.accounts SET balance_minor = 1')
    await expect(world.until(denied)).rejects.toMatchObject({ code: '42501' })
    expect(inbox()).toEqual([])
  })
})

describe('a pool', () => {
  test('gives each type as node-postgres does, and integers beyond 2^53 are an error', async () => {
    const pool = world.pool()
    const { rows } = await world.until(
      pool.query(
        `SELECT $1::bigint AS int8, $2::int AS int4, $3::float8 AS float8, $4::numeric AS numeric, $5::text AS text,
                $6::bool AS bool, $7::timestamptz AS timestamptz, $8::date AS date, $9::bytea AS bytea, $10::jsonb AS jsonb,
                $11::uuid AS uuid, $12::text[] AS texts, $13::bigint[] AS ints, $14::timestamptz[] AS times,
                $15::bytea[] AS bytes, $16::jsonb[] AS documents, ROW(1, 'x') AS composite, NULL::text AS nothing`,
        [
          ...[2 ** 40, 7, 0.25, '1.50', 'é\'"\\', true, new Date(START_MS), '2026-11-30', Buffer.from([0, 255])],
          ...[JSON.stringify({ a: [1] }), '01890000-0000-7000-8000-000000000000', ['a', 'b"c', null], [1, 2 ** 33]],
          ...[[new Date(START_MS)], [Buffer.from([1])], [JSON.stringify({ b: 2 })]],
        ],
      ),
    )
    expect(rows).toEqual([
      {
        ...{ int8: 2 ** 40, int4: 7, float8: 0.25, numeric: '1.50', text: 'é\'"\\', bool: true },
        ...{ timestamptz: new Date(START_MS), date: new Date(2026, 10, 30), bytea: Buffer.from([0, 255]) },
        ...{ jsonb: { a: [1] }, uuid: '01890000-0000-7000-8000-000000000000', texts: ['a', 'b"c', null] },
        // node-postgres leaves integers within arrays to its own parser, as with a real server.
        ...{
          ints: ['1', String(2 ** 33)],
          times: [new Date(START_MS)],
          bytes: [Buffer.from([1])],
          documents: [{ b: 2 }],
        },
        ...{ composite: '(1,x)', nothing: null },
      },
    ])
    await expect(world.until(pool.query('SELECT 9007199254740993::bigint'))).rejects.toThrow(RangeError)
  })

  test('maps transactions: COMMIT keeps, ROLLBACK undoes, COMMIT of a failed one answers ROLLBACK', async () => {
    const pool = world.pool()
    await world.until(put(pool, 'kept'))
    const undone = transact(pool, async (client) => {
      await client.query(PUT, ['undone'])
      throw new Error('never mind')
    })
    await expect(world.until(undone)).rejects.toThrow('never mind')
    const failed = transact(pool, async (client) => {
      await client.query(PUT, ['failed'])
      await client.query('SELECT 1/0').catch(() => undefined)
    })
    await expect(world.until(failed)).rejects.toMatchObject({ name: 'NotCommitted' })
    expect(inbox()).toEqual([{ dedup_key: 'kept' }])
    expect(world.commits.count).toBe(1)
  })

  test('undoes a statement that fails outside of a transaction, with the error of node-postgres', async () => {
    const pool = world.pool()
    await world.until(put(pool, 'a'))
    const error = await world.until(pool.query(PUT, ['a']).catch((error: unknown) => error))
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({ code: '23505', constraint: 'offline_sync_queue_dedup_key_key' })
    expect(inbox()).toEqual([{ dedup_key: 'a' }])
  })

  test('checks deferred constraints at COMMIT, and then nothing of the transaction is left', async () => {
    book.asOwner('CREATE TABLE public.deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)')
    book.asOwner('GRANT ALL ON public.deferred TO molam_record, molam_read')
    const pool = world.pool()
    const twice = (client: pg.PoolClient) => client.query('INSERT INTO deferred VALUES (1), (1)')
    await expect(world.until(transact(pool, twice))).rejects.toMatchObject({ code: '23505' })
    const mended = transact(pool, async (client) => {
      await twice(client)
      await client.query('DELETE FROM deferred')
    })
    await world.until(mended)
    expect(book.read('SELECT * FROM deferred')).toEqual([])
  })

  test('SET LOCAL ends with its transaction', async () => {
    const pool = world.pool()
    await world.until(transact(pool, (client) => client.query(`SET LOCAL work_mem = '64MB'`)))
    expect(book.read('SHOW work_mem')).toEqual([{ work_mem: '4MB' }])
  })

  test('lets one transaction run at a time, and others wait for it', async () => {
    const order: string[] = []
    const work = (name: string) =>
      transact(world.pool(), async (client) => {
        await client.query('SELECT 1')
        order.push(name)
        await world.scheduler.sleep(100)
        await client.query('SELECT 1')
        order.push(name)
      })
    await world.until(Promise.all([work('a'), work('b')]))
    expect(order.join('')).toMatch(/^(aabb|bbaa)$/)
  })
})

describe('a connection that breaks at COMMIT', () => {
  /** Its last statement meets the fault. */
  const commitMeets = (fault: DatabaseFault) =>
    transact(world.pool(), async (client) => {
      await client.query(PUT, ['a'])
      world.forced.push(fault)
    })

  test.each([
    ['database_call_lost', []],
    ['database_answer_lost', [{ dedup_key: 'a' }]],
  ] as const)('%s: the client hears of a broken connection, whatever happened', async (fault, left) => {
    await expect(world.until(commitMeets(fault))).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(inbox()).toEqual(left)
  })

  test('one that is undone is answered without an error, and the client sees it all the same', async () => {
    await expect(world.until(commitMeets('database_commit_undone'))).rejects.toMatchObject({ name: 'NotCommitted' })
    expect(inbox()).toEqual([])
  })

  test('one that falls silent ends by the client’s own clock', async () => {
    await expect(world.until(commitMeets('database_silent'))).rejects.toMatchObject({ name: 'DatabaseSilent' })
    expect(inbox()).toEqual([{ dedup_key: 'a' }])
  })
})

test('a server that refuses a statement fails its transaction', async () => {
  const pool = world.pool()
  for (const [fault, code] of [
    ['database_deadlock', '40P01'],
    ['database_serialization_failure', '40001'],
    ['database_statement_timeout', '57014'],
  ] as const) {
    const refused = transact(pool, async (client) => {
      await client.query(PUT, [fault])
      world.forced.push(fault)
      await client.query('SELECT 1')
    })
    await expect(world.until(refused)).rejects.toMatchObject({ code })
  }
  expect(inbox()).toEqual([])
})

test('a server that is down takes no connections, and takes them again', async () => {
  const pool = world.pool()
  await world.until(put(pool, 'before'))
  world.server.down(10_000)
  await expect(world.until(put(pool, 'meanwhile'))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await world.scheduler.run(() => false, world.scheduler.nowMs + 10_000)
  await world.until(put(pool, 'after'))
  expect(inbox()).toEqual([{ dedup_key: 'before' }, { dedup_key: 'after' }])
})

test('a transaction that is forgotten is ended, so that others go on', async () => {
  const forgetful = world.pool()
  const client = await world.until(forgetful.connect())
  await world.until(client.query('BEGIN'))
  await world.until(client.query(PUT, ['forgotten']))
  await world.until(put(world.pool(), 'other'))
  expect(inbox()).toEqual([{ dedup_key: 'other' }])
  client.release(new Error('forgotten'))
})

test('a process that is killed in a transaction leaves nothing, and its calls never return', async () => {
  const { process, pool } = world.process()
  let returned = false
  transact(pool, async (client) => {
    await client.query(PUT, ['a'])
    process.kill()
    await client.query('SELECT 1')
    returned = true
  }).catch(() => {
    returned = true
  })
  await world.scheduler.run(() => false, world.scheduler.nowMs + 60_000)
  expect([returned, inbox()]).toEqual([false, []])
  await world.until(put(world.pool(), 'another'))
  expect(inbox()).toEqual([{ dedup_key: 'another' }])
})

test('what a killed process had sent may have happened', async () => {
  const happened = new Set<number>()
  for (let seed = 1; seed < 20; seed++) {
    book.end()
    book.begin(seed)
    const { scheduler, process: start } = openWorld(seed)
    const { process, pool } = start()
    pool.query(PUT, ['a']).catch(() => undefined)
    await scheduler.run(() => false, START_MS + (seed % 12))
    process.kill()
    await scheduler.run(() => false, START_MS + 1_000)
    happened.add(inbox().length)
  }
  expect(happened).toEqual(new Set([0, 1]))
})

test('bundles are posted, and every promise of the book holds', async () => {
  const wallets = [
    { wallet: 'W-1', kind: 'merchant', amount: 500 },
    { wallet: 'M-1', kind: 'merchant', amount: 0 },
  ] as const
  fundWallets(book, wallets, 'sim', START_MS)
  registerDevice(book, 'W-1', START_MS)
  const pool = world.pool()
  const settle = world.pool('molam_settle')
  const bundle = preparedBundle([400, 300], 'W-1', 'M-1', START_MS)
  await world.until(recordBundles(pool, [bundle], new Date(START_MS)))
  expect(await world.until(postBundles(settle, [bundle], new Date(START_MS), () => undefined))).toEqual([
    { type: 'merchant', status: 'succeeded', count: 1 },
    { type: 'merchant', status: 'failed', count: 1 },
  ])
  expect(transactionRows(book)).toMatchObject([
    { counter: 1, status: 'succeeded', amount: 400 },
    { counter: 2, status: 'failed', reason: 'insufficient_funds' },
  ])
  expect([...walletBalances(book)]).toEqual([
    ['M-1', 400],
    ['W-1', 100],
    ['system:treasury:XOF', -500],
  ])
  expect(brokenNow(book)).toEqual([])
  expect(await brokenAtQuiet(book)).toEqual([])
  expect(underWay(book)).toHaveLength(2)
})
