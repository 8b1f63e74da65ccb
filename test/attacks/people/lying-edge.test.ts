import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { makeWorld, newWallet, type World } from '../../reconciler/kit.ts'

/**
 * An edge that signs what it likes about what people decided: one person's word for more than a day's sum, and reversals of
 * old payments. The book carries out what the rules allow, and keeps the rest.
 */
const DAILY_VALUE = 200_000
const AMOUNT = 10_000
const PER_TILL = 5

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSoundBook(db().app))

interface Till {
  readonly device: TestDevice
  readonly payer: string
  readonly made: Made
}

/** A till whose payments wait, or are posted. */
async function till(waits: boolean): Promise<Till> {
  const [device, payer] = [await world.device('merchant'), newWallet()]
  await db().open(payer, 1_000_000)
  const payments: Payment[] = Array.from({ length: PER_TILL }, () =>
    device.payment({ sender: payer, amount: amountMinor(AMOUNT), initiatedAtMs: Math.floor(world.now / 1000) * 1000 }),
  )
  const held = payments.map(
    ({ counter }): DecisionException => ({ counter, decision: 'review', reason: 'risk_review' }),
  )
  const made = await device.bundle(payments, world.keySet)
  world.network.send(
    await world.facts(device),
    await world.admitMade(made, payments, waits ? { exceptions: held } : {}),
  )
  return { device, payer, made }
}
const tills = (count: number, waits: boolean) => Promise.all(Array.from({ length: count }, () => till(waits)))
const all = (choice: 'approve' | 'reject') => Object.fromEntries([1, 2, 3, 4, 5].map((counter) => [counter, choice]))

/** Minor units that resolutions of one person have decided about, and how many resolutions wait for a second one. */
async function byOne(actor: string) {
  const { rows } = await db().app.query<{ decided: number; withheld: number }>(
    `SELECT coalesce(sum(t.amount_minor) FILTER (WHERE d.result = 'applied'), 0)::bigint AS decided,
            count(*) FILTER (WHERE o.waiting_for = 'second_person') AS withheld
     FROM offline_resolutions d JOIN offline_transactions t USING (device_id, counter)
     LEFT JOIN offline_open_resolutions o USING (device_id, rev, counter)
     WHERE d.actors = ARRAY[$1]`,
    [actor],
  )
  return rows[0]
}

test.each(['approve', 'reject'] as const)(
  '%s by one person over many tills: a day’s sum, and the rest waits',
  async (choice) => {
    const actor = `user:lone-${choice}`
    const shops = await tills(6, true)
    await world.settle()
    world.network.send(
      ...(await Promise.all(shops.map(({ made }) => world.review(made, 1, all(choice), { actors: [actor] })))),
    )
    await world.settle()
    expect(await byOne(actor)).toEqual({ decided: DAILY_VALUE, withheld: 10 })
    // On record once for each of the two resolutions, however often they are looked at.
    world.now += 3_600_000
    await world.settle()
    const { rows } = await db().app.query(
      `SELECT count(*) AS n FROM offline_audit_logs
     WHERE actor = $1 AND action = 'resolution_applied' AND detail::text LIKE '%withheld%'`,
      [actor],
    )
    expect(rows).toEqual([{ n: 2 }])
  },
)

test('the same name twice is one person', async () => {
  const actor = 'user:twice'
  const shops = await tills(5, true)
  await world.settle()
  const actors = [actor, actor]
  world.network.send(...(await Promise.all(shops.map(({ made }) => world.review(made, 1, all('approve'), { actors })))))
  await world.settle()
  const { rows } = await db().app.query(
    "SELECT count(*) AS n FROM offline_resolutions WHERE actors[1] = $1 AND result = 'applied'",
    [actor],
  )
  expect(rows).toEqual([{ n: DAILY_VALUE / AMOUNT }])
})

test('a second person lets it go, and so does a policy that allows more', async () => {
  const actor = 'user:patient'
  const shops = await tills(6, true)
  await world.settle()
  world.network.send(
    ...(await Promise.all(shops.map(({ made }) => world.review(made, 1, all('approve'), { actors: [actor] })))),
  )
  await world.settle()
  const waiting = await db().app.query<{ device_id: string }>(
    "SELECT DISTINCT device_id FROM offline_open_resolutions WHERE waiting_for = 'second_person' AND device_id = ANY ($1)",
    [shops.map(({ device }) => device.id)],
  )
  const [first, second] = waiting.rows.map(({ device_id }) => shops.find(({ device }) => device.id === device_id))
  if (first === undefined || second === undefined) throw new Error('nothing waits')
  world.network.send(await world.review(first.made, 2, all('approve'), { actors: [actor, 'user:other'] }))
  await world.settle()
  expect(await db().balance(first.payer)).toBe(1_000_000 - PER_TILL * AMOUNT)
  expect(await db().balance(second.payer)).toBe(1_000_000)

  await db().owner.query(
    `INSERT INTO offline_policies SELECT (r).* FROM (
       SELECT jsonb_populate_record(p, '{"version": 2, "person_daily_value": 300000, "signed": "\\\\x00"}') AS r FROM offline_policies p
       WHERE country = 'BJ' AND version = 1) x`,
  )
  world.now += 3_600_000
  await world.settle()
  expect(await db().balance(second.payer)).toBe(1_000_000 - PER_TILL * AMOUNT)
  // As it was for the other tests.
  await db().owner.query(
    `INSERT INTO offline_policies SELECT (r).* FROM (
       SELECT jsonb_populate_record(p, '{"version": 3, "person_daily_value": 200000, "signed": "\\\\x00"}') AS r FROM offline_policies p
       WHERE country = 'BJ' AND version = 1) x`,
  )
})

test('reversals by one person: a day’s sum, also when they are dated into other days', async () => {
  const actor = 'user:giver'
  const shops = await tills(6, false)
  await world.settle()
  const lies = [-400, -100, -8, 2, 300]
  const messages = shops.flatMap(({ made }) =>
    lies.map((days, i) =>
      world.reversal(made, i + 1, i + 1, { actors: [actor], decidedAtMs: world.now + days * DAY_MS }),
    ),
  )
  world.network.send(...(await Promise.all(messages)))
  await world.settle()
  expect(await byOne(actor)).toEqual({ decided: DAILY_VALUE, withheld: 10 })
})

test('a reversal after 90 days is not carried out, whatever date it has', async () => {
  const [shop] = await tills(1, false)
  if (shop === undefined) throw new Error('no till')
  await world.settle()
  const soldAtMs = world.now
  world.now = soldAtMs + 98 * DAY_MS
  const day = (days: number) => ({ decidedAtMs: soldAtMs + days * DAY_MS })
  world.network.send(
    await world.reversal(shop.made, 1, 1, day(91)),
    await world.reversal(shop.made, 2, 2, day(89)),
    await world.reversal(shop.made, 3, 3, day(500)),
  )
  await world.settle()
  const { rows } = await db().app.query('SELECT result FROM offline_resolutions WHERE device_id = $1 ORDER BY rev', [
    shop.device.id,
  ])
  expect(rows).toEqual([{ result: 'too_late' }, { result: 'too_late' }, { result: 'too_late' }])
  expect(await db().balance(shop.payer)).toBe(1_000_000 - PER_TILL * AMOUNT)
})

test('a reversal of the 89th day that was under way for some days is carried out', async () => {
  const [shop] = await tills(1, false)
  if (shop === undefined) throw new Error('no till')
  await world.settle()
  const soldAtMs = world.now
  world.now = soldAtMs + 92 * DAY_MS
  world.network.send(await world.reversal(shop.made, 1, 1, { decidedAtMs: soldAtMs + 89 * DAY_MS }))
  await world.settle()
  expect(await db().balance(shop.payer)).toBe(1_000_000 - (PER_TILL - 1) * AMOUNT)
})
