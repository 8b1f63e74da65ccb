import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import { firstPolicy } from '../../../src/protocol/first-policies.ts'
import { parseUlid } from '../../../src/protocol/ids.ts'
import type { Mandate } from '../../../src/protocol/mandates.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import type { Policy } from '../../../src/protocol/policy.ts'
import { DAY_MS, HOUR_MS } from '../../../src/protocol/time.ts'
import { TestDevice } from '../../kit/device.ts'
import { signMandate } from '../../kit/mandate.ts'
import { tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { evidenceOf, makeWorld, type World } from '../kit.ts'

/** The holder's standing word for small debits: what it has room for is posted at once, and everything else stays a claim. */
const db = useDatabase()
let world: World
let shop: TestDevice
let phone: TestDevice

beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
beforeEach(async () => {
  // In the middle of a day, so that what belongs to one day does not fall on two.
  world.now = (Math.floor(world.now / DAY_MS) + 1) * DAY_MS + 12 * HOUR_MS
  shop = await till()
  phone = await world.device('customer', 10_000)
  world.network.send(world.facts(phone))
})
const findings = async () => {
  const evidence = await evidenceOf(world)
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 3, onProgress: () => undefined })
  return findings.filter(({ found }) => found > 0)
}
afterEach(async () => expect(await findings()).toEqual([]))

async function till(): Promise<TestDevice> {
  const device = await world.device()
  device.signsForPayers = false
  world.network.send(world.facts(device))
  return device
}

const revs = new Map<string, number>()
/** The message that brings a mandate. */
async function mandate(over: Partial<Mandate> = {}, by = phone, atMs = world.now, factsRev = 1): Promise<Uint8Array> {
  const rev = (revs.get(by.id) ?? 0) + 1
  revs.set(by.id, rev)
  const given = {
    ...{ wallet: by.ownerWallet, currency: currency('XOF'), paymentMax: 2000, dayMax: 5000, no: rev },
    untilMs: Math.floor(world.now / 1000) * 1000 + 30 * DAY_MS,
    ...over,
  }
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const signed = await signMandate(by, given)
  const message = { kind: 'mandate', deviceId: by.id, rev, atMs, mandate: signed, factsRev } as const
  return sealSettleMessage(message, async () => keys)
}

/** What tills take out of the phone's wallet without its word, each in a bundle of its own. */
async function take(amounts: readonly number[], by = shop): Promise<void> {
  for (const amount of amounts) {
    const initiatedAtMs = Math.floor(world.now / 1000) * 1000
    const payment = by.payment({ sender: phone.ownerWallet, amount: amountMinor(amount), initiatedAtMs })
    const { counter } = payment
    // One after the other, so that the bundles have their places in the chain.
    world.network.send(await world.admit(by, [payment], [{ counter, decision: 'claimed' }]))
  }
}
const statuses = async (by = shop) => {
  const { rows } = await db().app.query(
    'SELECT status, reason FROM offline_transactions WHERE device_id = $1 ORDER BY counter',
    [by.id],
  )
  return rows.map(({ status, reason }) => (reason ? `${status}: ${reason}` : status))
}
const left = () => db().balance(phone.ownerWallet)
const faults = async () => {
  const { rows } = await db().app.query(
    `SELECT last_error FROM offline_sync_queue WHERE status = 'parked' AND device_id = $1 AND kind = 'mandate'`,
    [phone.id],
  )
  return rows.map(({ last_error }) => last_error)
}
const POSTED = 'succeeded: mandated'

test('a small debit is posted at once, and its taker is told by what word', async () => {
  world.network.send(mandate())
  await world.settle()
  await take([2000])
  await world.settle()
  expect(await statuses()).toEqual([POSTED])
  expect(await left()).toBe(8000)
  expect(world.network.outcomes(shop.id)).toMatchObject([{ counter: 1, status: 'succeeded', reason: 'mandated' }])
  expect(world.network.confirmed).toContainEqual({ kind: 'answer_recorded', deviceId: phone.id, rev: 1 })
})

test('the devices of its holder are told who took how much, when, and what was given back', async () => {
  const told = (device = phone) =>
    world.network.confirmed.findLast((one) => one.kind === 'claims_open' && one.deviceId === device.id)
  world.network.send(mandate())
  await world.settle()
  await take([300, 3000])
  await take([200])
  await world.settle()
  const receiver = shop.ownerWallet
  const about = { takerId: shop.id, type: 'merchant', currency: 'XOF', receiver }
  expect(told()).toMatchObject({
    claims: [{ counter: 2, amount: 3000 }],
    mandated: [
      { ...about, counter: 3, amount: 200 },
      { ...about, counter: 1, amount: 300, postedAtMs: expect.any(Number) },
    ],
  })
  const second = await TestDevice.create(phone.ownerWallet)
  world.network.send(world.facts(second))
  await world.settle()
  expect(told(second), 'a new device of the wallet is told too').toMatchObject({
    mandated: [{ counter: 3 }, { counter: 1 }],
  })
  const { rows } = await db().app.query(
    `SELECT b.bundle_id, b.seq FROM offline_tx_bundles b WHERE device_id = $1 ORDER BY seq LIMIT 1`,
    [shop.id],
  )
  const bundleId = parseUlid(rows[0].bundle_id) as Uint8Array
  world.network.send(world.reversal({ header: { deviceId: shop.id, bundleId, seq: 1 } } as never, 1, 1))
  await world.settle()
  expect((await statuses())[0]).toBe('reversed: mandated')
  expect(told()).toMatchObject({ mandated: [{ counter: 3 }] })
})

test('a day of them is ten, so that no crowd of small ones hides a larger one from the holder', async () => {
  world.network.send(mandate())
  await world.settle()
  const other = await till()
  await take([2000, 1, 1, 1, 1, 1], other)
  await world.settle()
  await take([1, 1, 1, 1, 1, 1])
  await world.settle()
  expect(await statuses()).toEqual([...Array(4).fill(POSTED), 'claimed', 'claimed'])
  world.now += DAY_MS
  await take(Array(11).fill(1))
  await world.settle()
  expect((await statuses()).slice(6).filter((status) => status === 'claimed')).toHaveLength(1)
  const told = world.network.confirmed.findLast((one) => one.kind === 'claims_open' && one.deviceId === phone.id)
  expect(told?.kind === 'claims_open' && told.mandated.map(({ amount }) => amount)).toContain(2000)
})

test('no more than a notice takes, the newest', async () => {
  world.network.send(mandate())
  await world.settle()
  for (const amounts of [10, 10, 10, 10, 10, 2].map((length) => Array<number>(length).fill(1))) {
    await take(amounts)
    await world.settle()
    world.now += DAY_MS
  }
  const told = world.network.confirmed.findLast((one) => one.kind === 'claims_open' && one.deviceId === phone.id)
  const shown = told?.kind === 'claims_open' ? told.mandated.map(({ counter }) => counter) : []
  expect(new Set(shown).size).toBe(50)
  // Those that were recorded together were posted in an order of their own.
  expect(shown).toContain(52)
})

test('without a mandate nothing moves', async () => {
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
})

test('what is more than a payment may be stays a claim', async () => {
  world.network.send(mandate({ paymentMax: 1000 }))
  await world.settle()
  await take([1001, 1000])
  await world.settle()
  expect(await statuses()).toEqual(['claimed', POSTED])
  expect(await left()).toBe(9000)
})

test('a day’s sum counts all tills and all bundles; the next day has room again', async () => {
  world.network.send(mandate())
  await world.settle()
  const other = await till()
  await take([2000], other)
  await take([2000])
  await world.settle()
  await take([1001, 1000, 1])
  await world.settle()
  expect(await statuses(other)).toEqual([POSTED])
  expect(await statuses()).toEqual([POSTED, 'claimed', POSTED, 'claimed'])
  expect(await left()).toBe(5000)
  world.now += DAY_MS
  await take([2000])
  await world.settle()
  expect((await statuses()).at(-1)).toBe(POSTED)
  // A claim that the mandate had no room for is its payer's to answer, whatever room comes later.
  expect((await statuses())[1]).toBe('claimed')
})

describe('the policy gives less than the holder', () => {
  const country = 'BJ'
  const first = firstPolicy(country)
  let version = 1
  /** The book hears of a version with the first bundle that is judged by it. */
  const publish = async (over: Partial<Policy>) => {
    version += 1
    world.network.policies.set(
      `/internal/policies/${country}/${version}`,
      await world.policy({ ...first, ...over, version }),
    )
    const other = await till()
    const payment = other.payment({ sender: other.ownerWallet, amount: amountMinor(1) })
    const made = await other.bundle([payment], world.keySet)
    world.network.send(await world.admitMade(made, [payment], { policyVersion: version }))
    await world.settle()
  }
  afterAll(() => publish({}))
  beforeEach(async () => {
    world.network.send(mandate())
    await world.settle()
  })

  test.each([
    ['a payment', { mandatePaymentMax: 1000 }, [1001, 1000], ['claimed', POSTED]],
    ['a day', { mandatePaymentMax: 1000, mandateDayMax: 1500 }, [1000, 501, 500], [POSTED, 'claimed', POSTED]],
    ['nothing', { mandatePaymentMax: 0, mandateDayMax: 0 }, [1], ['claimed']],
  ])('%s', async (_, bounds, amounts, expected) => {
    await publish(bounds)
    await take(amounts)
    await world.settle()
    expect(await statuses()).toEqual(expected)
  })
})

test('one bundle with more than the day has room for', async () => {
  world.network.send(mandate())
  await world.settle()
  const initiatedAtMs = Math.floor(world.now / 1000) * 1000
  const over = { sender: phone.ownerWallet, amount: amountMinor(2000), initiatedAtMs }
  const all = [shop.payment(over), shop.payment(over), shop.payment(over)]
  world.network.send(
    world.admit(
      shop,
      all,
      all.map(({ counter }) => ({ counter, decision: 'claimed' as const })),
    ),
  )
  await world.settle()
  expect(await statuses()).toEqual([POSTED, POSTED, 'claimed'])
})

test('two reconcilers at once do not go beyond the day', async () => {
  world.network.send(mandate())
  await world.settle()
  const tills = await Promise.all(Array.from({ length: 8 }, till))
  await world.settle()
  const workers = [await world.reconciler(), await world.reconciler()]
  for (const one of tills) {
    await take([1500], one)
    await Promise.all(workers.map((worker) => worker.once()))
  }
  await take([2000, 2000])
  await Promise.all(workers.map((worker) => worker.once()))
  await world.settle()
  expect(await left()).toBe(5500)
})

test('whoever looked at the clock before it was recorded does not pay by it: nothing in the book is before its word', async () => {
  const beforeMs = world.now - 20
  world.network.send(mandate())
  await world.settle()
  // Another reconciler, which waited for the locks of the till meanwhile, or whose clock is a little behind.
  const afterMs = world.now
  world.now = beforeMs
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
  world.now = afterMs
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed', POSTED])
})

test('a mandate of nothing, a later one, and the end of one count from when they are recorded', async () => {
  world.network.send(mandate())
  await world.settle()
  world.network.send(mandate({ paymentMax: 500, dayMax: 500 }))
  await world.settle()
  await take([501, 500])
  await world.settle()
  expect(await statuses()).toEqual(['claimed', POSTED])
  world.network.send(mandate({ paymentMax: 0, dayMax: 0 }))
  await world.settle()
  await take([1])
  await world.settle()
  expect((await statuses()).at(-1)).toBe('claimed')
  world.network.send(mandate({ untilMs: Math.floor(world.now / 1000) * 1000 + DAY_MS }))
  await world.settle()
  world.now += DAY_MS
  await take([1])
  await world.settle()
  expect((await statuses()).at(-1)).toBe('claimed')
})

test('what was signed before a later mandate does not come back, in whatever order they come', async () => {
  const [first, end] = [mandate(), mandate({ paymentMax: 0, dayMax: 0 }, phone, world.now + 1)]
  world.network.send(end)
  await world.settle()
  world.network.send(first)
  await world.settle()
  // The edge hands on an old one as if it were new.
  world.network.send(mandate({ no: 1 }, phone, world.now + HOUR_MS))
  await world.settle()
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
})

test('two people of a tenant give no mandate for a customer', async () => {
  phone = Object.assign(await world.device('customer', 10_000), { isTenants: true })
  world.network.send(await world.facts(phone))
  await world.settle()
  world.network.send(mandate())
  await world.settle()
  await take([1000])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
  expect(await left()).toBe(10_000)
})

test('a device that is stopped, or that may not pay any more, gives nothing', async () => {
  world.network.send(mandate())
  await world.settle()
  world.network.send(world.facts(phone, { rev: 2, status: 'suspended' }))
  await world.settle()
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
  world.network.send(world.facts(phone, { rev: 3 }))
  await world.settle()
  await take([1])
  await world.settle()
  expect((await statuses()).at(-1)).toBe(POSTED)
  const { signed } = await world.consent(phone)
  world.network.send(world.facts(phone, { rev: 4, consents: [{ signed, withdrawnAtMs: world.now }] }))
  await world.settle()
  await take([1])
  await world.settle()
  expect((await statuses()).at(-1)).toBe('claimed')
})

test('without the money it fails, and takes no room', async () => {
  const poor = await world.device('customer', 1000)
  world.network.send(world.facts(poor), mandate({}, poor))
  await world.settle()
  phone = poor
  await take([2000, 2000, 2000, 1000])
  await world.settle()
  const short = 'failed: insufficient_funds'
  // What is recorded together takes its room before it is posted; the rest is a claim, and moves nothing.
  expect((await statuses()).slice(0, 2)).toEqual([short, short])
  await take([1000])
  await world.settle()
  expect(await left()).toBe(0)
})

test('about another wallet, or of a device that may not pay, it is nobody’s word', async () => {
  world.network.send(mandate({ wallet: 'W-OTHER' }))
  await world.settle()
  expect(await faults()).toEqual(['wrong_wallet'])
  const stranger = await TestDevice.create(phone.ownerWallet)
  stranger.hasConsent = false
  world.network.send(world.facts(stranger), mandate({}, stranger))
  await world.settle()
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
  await tamper(db().ownerUrl, `DELETE FROM offline_sync_queue WHERE kind = 'mandate' AND status <> 'done'`)
})

test('a payment that people looked at goes to its payer, mandate or not', async () => {
  world.network.send(mandate())
  await world.settle()
  const initiatedAtMs = Math.floor(world.now / 1000) * 1000
  const payment = shop.payment({ sender: phone.ownerWallet, amount: amountMinor(100), initiatedAtMs })
  const made = await shop.bundle([payment], world.keySet)
  const exceptions = [{ counter: payment.counter, decision: 'review', reason: 'risk_review' }] as const
  world.network.send(world.admitMade(made, [payment], { exceptions, status: 'review' }))
  await world.settle()
  world.network.send(world.review(made, 1, { [payment.counter]: 'approve' }, { actors: ['user:anna', 'user:bo'] }))
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
})

test('given by a newer consent, it waits for the facts that say so', async () => {
  const withdrawn = { ...(await world.consent(phone)), withdrawnAtMs: world.now }
  world.network.send(world.facts(phone, { rev: 2, consents: [withdrawn] }))
  await world.settle()
  world.network.send(mandate({}, phone, world.now, 3))
  await world.settle()
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
  const newer = await world.consent(phone, { givenAtMs: world.now })
  world.network.send(world.facts(phone, { rev: 3, consents: [withdrawn, newer] }))
  await world.settle()
  await take([2])
  await world.settle()
  expect(await statuses()).toEqual(['claimed', POSTED])
})

test('given by a consent that was withdrawn meanwhile, it is nobody’s word', async () => {
  world.network.send(mandate({}, phone, world.now, 2))
  await world.settle()
  const withdrawn = { ...(await world.consent(phone)), withdrawnAtMs: world.now }
  world.network.send(world.facts(phone, { rev: 2, consents: [withdrawn] }))
  await world.settle()
  await take([1])
  await world.settle()
  expect(await statuses()).toEqual(['claimed'])
  const { rows } = await db().app.query('SELECT is_his FROM offline_mandates WHERE payer_device_id = $1', [phone.id])
  expect(rows).toEqual([{ is_his: false }])
})

test('what was paid beyond a mandate is found', async () => {
  world.network.send(mandate())
  await world.settle()
  await take([2000, 2000])
  await world.settle()
  const { rows } = await db().app.query('SELECT until_at FROM offline_mandates WHERE payer_device_id = $1', [phone.id])
  expect(rows).toHaveLength(1)
  const set = (columns: string) =>
    tamper(db().ownerUrl, `UPDATE offline_mandates SET ${columns} WHERE payer_device_id = '${phone.id}'`)
  const found = async () => (await findings()).map(({ check }) => check)
  await set('day_max_minor = 3999')
  expect(await found()).toEqual(expect.arrayContaining(['mandates', 'bundle_evidence']))
  await set('day_max_minor = 5000, payment_max_minor = 1999')
  expect(await found()).toEqual(expect.arrayContaining(['mandates', 'bundle_evidence']))
  await set('payment_max_minor = 2000')
})
