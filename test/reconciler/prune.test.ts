import { afterAll, beforeAll, expect, test } from 'vitest'
import { verify } from '../../reconciler/commands/verify.ts'
import { pruneInbox } from '../../reconciler/prune.ts'
import { call } from './commands/kit.ts'
import { useDatabase } from './database.ts'
import { makeWorld, newWallet, type World } from './kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

const KEEP_DAYS = 30
const prune = () => pruneInbox(db().app, KEEP_DAYS, world.now)
const age = (days: number, where = 'true') =>
  db().owner.query(
    `UPDATE offline_sync_queue SET done_at = now() - $1 * interval '1 day' WHERE status = 'done' AND ${where}`,
    [days],
  )
const kept = async () =>
  (await db().app.query('SELECT kind, status FROM offline_sync_queue ORDER BY id')).rows as {
    kind: string
    status: string
  }[]
const book = async () =>
  (
    await db().app.query(`SELECT (SELECT json_agg(b ORDER BY device_id, bundle_id) FROM offline_tx_bundles b)::text AS bundles,
      (SELECT json_agg(t ORDER BY device_id, counter) FROM offline_transactions t)::text AS payments,
      (SELECT json_agg(d ORDER BY device_id, rev) FROM offline_resolutions d)::text AS resolutions,
      (SELECT count(*) FROM wallet_core.transfers) AS transfers, (SELECT count(*) FROM offline_audit_logs) AS audit`)
  ).rows[0]

test('only what is done for long enough goes, and what comes again after that still changes nothing', async () => {
  const [device, payer, unknown] = [await world.device(), newWallet(), await world.device()]
  await db().open(payer, 10_000)
  const payments = [device.payment({ sender: payer }), device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  const exceptions = [{ counter: payments[1]?.counter ?? 0, decision: 'review', reason: 'amount_review' } as const]
  const messages = await Promise.all([
    world.facts(device),
    world.admitMade(made, payments, { exceptions }),
    world.review(made, 1, { [payments[1]?.counter ?? 0]: 'approve' }),
  ])
  const waiting = await world.admit(unknown, [unknown.payment({ sender: payer })])
  world.network.send(...messages, waiting, new Uint8Array([1, 2, 3]))
  await world.settle()

  expect(await prune()).toBe(0)
  await age(KEEP_DAYS + 1, "kind <> 'device'")
  expect(await prune()).toBe(2)
  expect((await kept()).map(({ kind, status }) => `${kind} ${status}`).sort()).toEqual([
    'bundle pending',
    // The shop's, and the payer's phone.
    ...['device done', 'device done'],
    'unreadable parked',
  ])
  await age(KEEP_DAYS + 1)
  expect(await prune()).toBe(2)

  const before = await book()
  world.network.send(...messages)
  await world.settle()
  expect(await book()).toEqual(before)
  expect((await kept()).filter(({ status }) => status === 'done')).toHaveLength(3)
  expect(await db().balance(payer)).toBe(5_000)
  expect((await call(verify, [], world)).output).toContain('the book is sound')
})

test('a clock that is years ahead takes nothing of today, and what is taken at once has a bound', async () => {
  await db().owner.query(
    `INSERT INTO offline_sync_queue (dedup_key, kind, status, next_retry_at, received_at, done_at)
     SELECT 'old/' || n, 'bundle', 'done', now(), now(), now() - interval '40 days' FROM generate_series(1, 1500) n`,
  )
  const today = async () =>
    (await db().app.query("SELECT count(*) FROM offline_sync_queue WHERE done_at > now() - interval '1 day'")).rows[0]
      .count
  const before = await today()
  expect(before).toBeGreaterThan(0)
  world.now += 5 * 365 * 24 * 3_600_000
  expect(await prune()).toBe(1000)
  expect(await prune()).toBe(500)
  expect(await prune()).toBe(0)
  expect(await today()).toBe(before)
})

test('the application deletes nothing from the inbox by itself', async () => {
  await expect(db().app.query('DELETE FROM offline_sync_queue')).rejects.toThrow(/permission denied/)
})
