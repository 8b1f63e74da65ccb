import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { PAUSE_MAX_MS } from '../../../reconciler/backoff.ts'
import { claim } from '../../../reconciler/pull/inbox.ts'
import { announce, claimHeads } from '../../../reconciler/tell/outbox.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
beforeEach(async () => {
  await db().owner.query('DELETE FROM offline_sync_queue')
  await db().owner.query('DELETE FROM offline_outbox')
})

const DAY_MS = 24 * 3_600_000
const at = (ms: number) => new Date(world.now + ms)

/** Inbox rows that are due then, by their ids. */
async function due(...afterMs: number[]): Promise<number[]> {
  const { rows } = await db().owner.query(
    `INSERT INTO offline_sync_queue (dedup_key, kind, body, next_retry_at, received_at)
     SELECT 'k' || gen_random_uuid(), 'bundle', 'x', due, now() FROM unnest($1::timestamptz[]) AS d (due) RETURNING id`,
    [afterMs.map(at)],
  )
  return rows.map(({ id }) => Number(id))
}
const ids = (rows: readonly { id: number }[]) => rows.map(({ id }) => id)

test('a message that a wrong clock put off by a day is taken now, one in a pause is not', async () => {
  const [, , tomorrow, now] = await due(PAUSE_MAX_MS, 1, DAY_MS, -1)
  expect(ids(await claim(db().app, 10, world.now))).toEqual([tomorrow, now])
  expect(await claim(db().app, 10, world.now)).toEqual([])
})

test('what is due goes before what was put off, and no more are taken than were asked for', async () => {
  const [a, b, , d] = await due(-1, DAY_MS, 2 * DAY_MS, -2)
  expect(ids(await claim(db().app, 2, world.now))).toEqual([a, d])
  expect(ids(await claim(db().app, 1, world.now))).toEqual([b])
})

test('two claims at once never get the same message', async () => {
  const all = await due(...Array.from({ length: 40 }, (_, i) => (i % 2 ? DAY_MS : -1)))
  const claims = await Promise.all(Array.from({ length: 8 }, () => claim(db().app, 5, world.now)))
  expect(ids(claims.flat()).sort((x, y) => x - y)).toEqual(all)
})

test('what the edge is to be told goes out though a wrong clock put it off, still the oldest of a device first', async () => {
  const client = await db().app.connect()
  const bundle = (n: number) => `${n}`.padStart(26, '0')
  try {
    const rows = ['a', 'b', 'c'].flatMap((deviceId) => [1, 2].map((seq) => ({ deviceId, bundleId: bundle(seq), seq })))
    for (const row of rows) await announce(client, [row], at(0))
  } finally {
    client.release()
  }
  const put = (device: string, seq: number, ms: number) =>
    db().owner.query('UPDATE offline_outbox SET next_attempt_at = $3 WHERE device_id = $1 AND seq = $2', [
      device,
      seq,
      at(ms),
    ])
  await put('a', 1, DAY_MS)
  // Its oldest is in a pause: what comes after it waits, whatever it says.
  await put('b', 1, PAUSE_MAX_MS)
  await put('b', 2, DAY_MS)
  const heads = async () => (await claimHeads(db().app, 10, world.now)).map(({ deviceId }) => deviceId).sort()
  expect(await heads()).toEqual(['a', 'c'])
  expect(await heads()).toEqual([])
})

test('a decision of people that a clock of two months ahead put off is carried out now, also after a failure', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const payments = [1, 2].map(() => device.payment({ sender: payer }))
  const made = await device.bundle(payments, world.keySet)
  const held = { counter: 1, decision: 'review', reason: 'amount_review' } as const
  world.network.send(world.facts(device), await world.admitMade(made, payments, { exceptions: [held] }))
  await world.settle()
  await db().owner.query(
    `ALTER TABLE offline_transactions ADD CONSTRAINT stuck CHECK (device_id <> '${device.id}' OR status = 'review') NOT VALID`,
  )
  world.network.send(world.review(made, 1, { 1: 'approve' }), world.reversal(made, 2, 2))
  // Not as far as a reversal may be late.
  world.now += 60 * DAY_MS
  await (await world.reconciler()).once()
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT stuck')
  world.now -= 60 * DAY_MS
  await world.settle()
  const { rows } = await db().app.query(
    'SELECT counter, status FROM offline_transactions WHERE device_id = $1 ORDER BY counter',
    [device.id],
  )
  expect(rows).toEqual([
    { counter: 1, status: 'succeeded' },
    { counter: 2, status: 'reversed' },
  ])
})

test('a payment whose message a clock of tomorrow claimed is posted and told today', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  world.network.send(world.facts(device), world.admit(device, [device.payment({ sender: payer })]))
  const reconciler = await world.reconciler()
  world.now += DAY_MS
  world.network.answer = () => 'retry'
  world.network.fault = (path) => (path.endsWith('/ack') ? 500 : undefined)
  await expect(reconciler.once()).rejects.toThrow()
  await claim(db().app, 10, world.now)
  world.now -= DAY_MS
  world.network.fault = () => undefined
  world.network.answer = () => 'confirmed'
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  expect(world.network.outcomes(device.id)).toMatchObject([{ status: 'succeeded' }])
})
