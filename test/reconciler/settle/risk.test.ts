import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type DevSira, startDevSira } from '../../../dev/sira.ts'
import { verify } from '../../../reconciler/commands/verify.ts'
import { InvalidConfig, parseConfig } from '../../../reconciler/config.ts'
import { openLog } from '../../../reconciler/log.ts'
import { openReconciler, type Reconciler } from '../../../reconciler/run.ts'
import { calendarDay } from '../../../src/protocol/activity.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import type { TestDevice } from '../../kit/device.ts'
import { call } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
let sira: DevSira
/** One asks SIRA, one has the local rules alone. */
let asking: Reconciler
let local: Reconciler
let payer: string
beforeAll(async () => {
  world = await makeWorld(db())
  sira = await startDevSira()
  payer = newWallet()
  await db().open(payer, 10_000_000)
  const { RISK_FIXED_SCORE: _, ...env } = world.env
  const around = {
    fetch: (input: string | URL | Request, init?: RequestInit) =>
      String(input).startsWith(sira.url) ? fetch(input, init) : world.network.fetch(input, init),
    clock: () => world.now,
    random: () => 0.5,
    log: openLog('silent'),
  }
  const keys = { ...sira.vars, RISK_PSEUDONYM_KEY: randomBytes(32).toString('base64url') }
  asking = await openReconciler(parseConfig({ ...env, ...keys }), around)
  local = await openReconciler(parseConfig(env), around)
})
beforeEach(() => {
  sira.mode = { kind: 'normal' }
})
afterAll(async () => {
  await Promise.all([asking.close(), local.close(), world.close(), sira.close()])
})

/** A device that was registered long ago; of its own owner, or of one that has another device too. */
async function shop(other?: TestDevice): Promise<TestDevice> {
  const device = await world.device()
  device.ownerWallet = (other ?? device).ownerWallet
  world.network.send(world.facts(device, { atMs: world.now - 30 * 86_400_000 }))
  await world.settle(local)
  return device
}
let minute = 0
/** Payments a minute apart, of different customers' amounts. */
const payments = (device: TestDevice, amounts: readonly number[], over: Partial<Payment> = {}) =>
  amounts.map((amount) => {
    minute = (minute + 1) % 60
    const initiatedAtMs = Math.floor(world.now / 1000) * 1000 - (60 - minute) * 60_000
    return device.payment({ sender: payer, amount: amountMinor(amount), initiatedAtMs, ...over })
  })
async function settle(
  by: Reconciler,
  device: TestDevice,
  own: readonly Payment[],
  edge: readonly DecisionException[] = [],
) {
  world.network.send(await world.admit(device, own, edge))
  await world.settle(by)
}
const outcomes = (device: TestDevice) =>
  world.network.outcomes(device.id).map(({ status, reason }) => (reason === undefined ? status : `${status} ${reason}`))
const recorded = async (device: TestDevice) => {
  const { rows } = await db().app.query(
    `SELECT t.risk_score, b.risk FROM offline_transactions t JOIN offline_tx_bundles b USING (device_id, bundle_id)
     WHERE t.device_id = $1 ORDER BY counter`,
    [device.id],
  )
  return rows
}

test('each payment has its own score of SIRA’s, which holds it back or lets it go, and is recorded', async () => {
  const device = await shop()
  await settle(asking, device, payments(device, [1000, 1777, 1666]))
  expect(outcomes(device)).toEqual(['succeeded', 'review risk_review', 'quarantined risk_rejected'])
  const rows = await recorded(device)
  expect(rows.map(({ risk_score }) => risk_score)).toEqual([0.02, 0.25, 0.9])
  expect(rows[0].risk).toMatchObject({ score: 0.9, scoredBy: 'sira', reasons: [{ rule: 'unusual_amount' }] })
})

test('many bundles are one question to SIRA, with parties under pseudonyms only', async () => {
  const devices = await Promise.all(Array.from({ length: 5 }, shop))
  for (const device of devices) world.network.send(await world.admit(device, payments(device, [1100, 1200])))
  const before = sira.requests.length
  await world.settle(asking)
  const asked = sira.requests.slice(before)
  expect(asked.map(({ path }) => path)).toEqual(['/v1/score/bulk'])
  expect(asked[0]?.body).toMatchObject({ bundles: expect.objectContaining({ length: 5 }) })
  const text = JSON.stringify(asked[0]?.body)
  for (const wallet of [payer, ...devices.map(({ ownerWallet }) => ownerWallet)]) expect(text).not.toContain(wallet)
  for (const device of devices) expect(outcomes(device)).toEqual(['succeeded', 'succeeded'])
})

test.each([
  ['is down', { kind: 'error', status: 503 }],
  ['cuts the connection', { kind: 'reset' }],
  ['talks nonsense', { kind: 'nonsense', answers: [{ body: '{"bundles":[],"transactions":[]}' }] }],
  [
    'says that there is no risk in something that is no number',
    { kind: 'nonsense', answers: [{ body: '{"bundles":[{"score":null}]}' }] },
  ],
] as const)('when SIRA %s the local rules score, and say so', async (_, mode) => {
  const device = await shop()
  sira.mode = mode
  // Ten payments in one second: the local rules see a script.
  const second = Math.floor(world.now / 1000) * 1000 - 60_000
  await settle(asking, device, payments(device, Array(10).fill(1300), { initiatedAtMs: second }))
  expect(outcomes(device)).toEqual(Array(10).fill('review risk_review'))
  const [row] = await recorded(device)
  expect(row.risk).toMatchObject({ scoredBy: 'local', fallback: expect.any(String), reasons: [{ rule: 'velocity' }] })
})

test('a device of good standing passes the local rules; what it did before counts, also in other bundles', async () => {
  const device = await shop()
  await settle(local, device, payments(device, [1000, 1500, 2000]))
  expect(outcomes(device)).toEqual(Array(3).fill('succeeded'))
  expect((await recorded(device))[0].risk).toMatchObject({ score: 0, scoredBy: 'local', fallback: 'not_configured' })
  // One by one in one second: each bundle alone is nothing.
  const second = Math.floor(world.now / 1000) * 1000 - 60_000
  for (let i = 0; i < 7; i++) {
    world.network.send(await world.admit(device, payments(device, [1400], { initiatedAtMs: second })))
    await local.once()
  }
  await world.settle(local)
  expect(outcomes(device).slice(3, 7)).toEqual(Array(4).fill('succeeded'))
  expect(outcomes(device).at(-1)).toBe('review risk_review')
})

test('the stricter word holds: a good score frees nothing that the edge held or refused, and refused is not scored', async () => {
  const device = await shop()
  await settle(asking, device, payments(device, [1000, 1001, 1002, 1777]), [
    { counter: 1, decision: 'quarantined', reason: 'risk_rejected' },
    { counter: 2, decision: 'review', reason: 'risk_review' },
    { counter: 3, decision: 'refused', reason: 'limit_exceeded' },
    { counter: 4, decision: 'quarantined', reason: 'risk_rejected' },
  ])
  expect(outcomes(device)).toEqual([
    'quarantined risk_rejected',
    'review risk_review',
    'refused limit_exceeded',
    'quarantined risk_rejected',
  ])
  expect((await recorded(device)).map(({ risk_score }) => risk_score)).toEqual([0.02, 0.02, null, 0.25])
  expect(sira.requests.at(-1)?.body).toMatchObject({
    bundles: [{ transactions: [{ amount: 1000 }, { amount: 1001 }, { amount: 1777 }] }],
  })
})

test('a payment that is held here and approved is posted: people’s word is above the score', async () => {
  const device = await shop()
  const own = payments(device, [1666])
  const made = await device.bundle(own, world.keySet)
  world.network.send(await world.admitMade(made, own))
  await world.settle(asking)
  expect(outcomes(device)).toEqual(['quarantined risk_rejected'])
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle(asking)
  expect(outcomes(device)).toEqual(['quarantined risk_rejected', 'succeeded'])
})

test('one payment on two devices is posted once and held once, in one batch or one after the other', async () => {
  for (const together of [true, false]) {
    const till = await shop()
    const phone = await shop(till)
    const receiver = till.ownerWallet
    const at = { initiatedAtMs: Math.floor(world.now / 1000) * 1000 - 120_000, receiver }
    const onTill = await world.admit(till, payments(till, [1234], at))
    const onPhone = await world.admit(
      phone,
      payments(phone, [1234], { ...at, initiatedAtMs: at.initiatedAtMs + 20_000 }),
    )
    world.network.send(onTill)
    if (!together) await world.settle(local)
    world.network.send(onPhone)
    await world.settle(local)
    expect([...outcomes(till), ...outcomes(phone)].sort()).toEqual(['review duplicate', 'succeeded'])
    expect(await db().balance(receiver)).toBe(1234)
    const { rows } = await db().app.query(
      'SELECT * FROM offline_twin_payments WHERE $1 IN (device_id, other_device_id)',
      [till.id],
    )
    expect(rows).toHaveLength(1)
  }
})

test('the same customer twice at one till, or at two tills minutes apart, is nobody’s twin', async () => {
  const one = await shop()
  const two = await shop(one)
  const receiver = one.ownerWallet
  const at = Math.floor(world.now / 1000) * 1000 - 600_000
  await settle(local, one, payments(one, [1500, 1500], { initiatedAtMs: at, receiver }))
  await settle(local, two, payments(two, [1500], { initiatedAtMs: at + 61_000, receiver }))
  expect([...outcomes(one), ...outcomes(two)]).toEqual(Array(3).fill('succeeded'))
})

test('production starts with no fixed score, and with all of SIRA’s settings or none', () => {
  const { ENVIRONMENT: _, ...production } = world.env
  expect(() => parseConfig(production)).toThrow(InvalidConfig)
  const { RISK_FIXED_SCORE: __, ...env } = production
  expect(parseConfig(env).risk).toEqual({ kind: 'local' })
  expect(() => parseConfig({ ...env, SIRA_URL: 'https://sira.example' })).toThrow(InvalidConfig)
})

test('a payment dated ahead counts on the day of its arrival, in the book and in what verifies it', async () => {
  const till = await shop()
  const initiatedAtMs = Math.floor(world.now / 1000) * 1000 + 2 * 24 * 3_600_000
  // Devices of these tests are in Benin, an hour ahead of UTC.
  const day = calendarDay(world.now, 'Africa/Porto-Novo')
  await settle(local, till, payments(till, [1500], { initiatedAtMs }))
  const { rows } = await db().app.query(
    'SELECT day::text, count, value_minor FROM offline_device_activity WHERE device_id = $1',
    [till.id],
  )
  expect(rows.map((row) => [row.day, Number(row.count), Number(row.value_minor)])).toEqual([[day, 1, 1500]])
})

test('after all this the whole book is sound', async () => {
  const { code, output } = await call(verify, [], world)
  expect(output).toContain('the book is sound')
  expect(code).toBe(0)
})
