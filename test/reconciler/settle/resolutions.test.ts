import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import { type Made, randomBytes, type TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { call } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { roundWithCut } from '../faults/cut.ts'
import { EVENTUALLY, makeWorld, newWallet, runThree, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSoundBook(db().app))

interface Waiting {
  readonly device: TestDevice
  readonly payer: string
  readonly made: Made
  /** The messages of the device and of its bundle, whose payments all wait for people. */
  readonly facts: Uint8Array
  readonly bundle: Uint8Array
}

async function waiting(
  count: number,
  balance = 100_000,
  over: Partial<Payment> = {},
  sign: (device: TestDevice, payment: Payment) => Payment = (_, payment) => payment,
): Promise<Waiting> {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, balance)
  const asked = Array.from({ length: count }, () => device.payment({ sender: payer, ...over }))
  const payments = asked.map((one) => sign(device, one))
  const exceptions = payments.map(({ counter }): DecisionException => {
    return { counter, decision: 'review', reason: 'amount_review' }
  })
  const made = await device.bundle(payments, world.keySet)
  const bundle = await world.admitMade(made, payments, { exceptions })
  return { device, payer, made, facts: await world.facts(device), bundle }
}

/** What the edge was told last about each payment. */
const told = (deviceId: string) =>
  Object.fromEntries(world.network.outcomes(deviceId).map(({ counter, status, reason }) => [counter, reason ?? status]))
const results = async (deviceId: string) => {
  const { rows } = await db().app.query(
    'SELECT rev, counter, result FROM offline_resolutions WHERE device_id = $1 ORDER BY rev, counter',
    [deviceId],
  )
  return rows.map(({ rev, counter, result }) => [rev, counter, result])
}
const bundleOf = async (deviceId: string) => {
  const { rows } = await db().app.query('SELECT status, rev FROM offline_tx_bundles WHERE device_id = $1', [deviceId])
  return rows[0]
}

test('an approved payment is posted, a rejected one refused, and one that nobody decided about waits on', async () => {
  const { device, payer, made, facts, bundle } = await waiting(3)
  world.network.send(facts, bundle)
  await world.settle()
  expect(told(device.id)).toEqual({ 1: 'amount_review', 2: 'amount_review', 3: 'amount_review' })
  world.network.send(world.review(made, 1, { 1: 'approve', 2: 'reject' }))
  await world.settle()
  expect(told(device.id)).toEqual({ 1: 'succeeded', 2: 'reviewer_rejected', 3: 'amount_review' })
  expect(await db().balance(payer)).toBe(97_500)
  expect(await bundleOf(device.id)).toEqual({ status: 'review', rev: 2 })

  world.network.send(world.review(made, 2, { 3: 'reject' }))
  await world.settle()
  expect(await bundleOf(device.id)).toEqual({ status: 'partially_accepted', rev: 3 })
  const confirmed = world.network.confirmed.filter(({ deviceId }) => deviceId === device.id)
  expect(confirmed).toContainEqual({ kind: 'resolution_recorded', deviceId: device.id, rev: 1 })
  expect(confirmed).toContainEqual({ kind: 'resolution_recorded', deviceId: device.id, rev: 2 })
  expect(confirmed.findLast(({ kind }) => kind === 'bundle_settled')).toMatchObject({ rev: 3 })
  expect(await (await world.reconciler()).backlog()).toMatchObject({ resolutions: 0, untold: 0, parked: 0 })
})

test('what nobody decided in time, and what a revoked device left waiting, fails under its own reason, and nothing is held', async () => {
  const { device, payer, made, facts, bundle } = await waiting(3)
  world.network.send(facts, bundle)
  await world.settle()
  world.network.send(
    world.review(made, 1, { 1: 'expire' }, { actors: ['system'] }),
    world.review(made, 2, { 2: 'revoke', 3: 'revoke' }),
  )
  await world.settle()
  expect(told(device.id)).toEqual({ 1: 'review_expired', 2: 'device_revoked', 3: 'device_revoked' })
  expect(await bundleOf(device.id)).toMatchObject({ status: 'failed' })
  expect(await db().balance(payer)).toBe(100_000)
  const { rows } = await db().app.query(
    'SELECT DISTINCT ended_by FROM wallet_core.holds WHERE source_id = $1 ORDER BY 1',
    [device.id],
  )
  expect(rows).toEqual([{ ended_by: 'released' }])
  // An approval that comes after that finds nothing.
  world.network.send(world.review(made, 3, { 1: 'approve', 2: 'approve' }))
  await world.settle()
  expect(await results(device.id)).toContainEqual([3, 1, 'not_waiting'])
  expect(await db().balance(payer)).toBe(100_000)
})

test('each resolution is on record with those who made it and with what came of it, and nothing personal', async () => {
  const { device, payer, made, facts, bundle } = await waiting(2)
  const actors = ['user:anna', 'user:bo']
  world.network.send(facts, bundle, world.review(made, 1, { 1: 'approve', 2: 'reject' }, { actors }))
  await world.settle()
  const { rows } = await db().app.query(
    "SELECT action, actor, detail FROM offline_audit_logs WHERE device_id = $1 AND action LIKE 'resolution%' ORDER BY seq",
    [device.id],
  )
  expect(rows).toEqual([
    {
      action: 'resolution_recorded',
      actor: 'user:anna user:bo',
      detail: { rev: 1, kind: 'review', choices: [[1, 'approve'], [2, 'reject']] }, // biome-ignore format: a list
    },
    {
      action: 'resolution_applied',
      actor: 'user:anna user:bo',
      detail: {
        rev: 1,
        payments: [[1, 'applied', 'succeeded', null], [2, 'applied', 'failed', 'reviewer_rejected']], // biome-ignore format: a list
        holds: [[1, 'posted'], [2, 'released']], // biome-ignore format: a list
      },
    },
  ])
  expect(JSON.stringify(rows)).not.toContain(payer)
  expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
})

test('an approved payment without funds fails, and is listed as owed with who bears it', async () => {
  const { device, payer, made, facts, bundle } = await waiting(1, 100)
  world.network.send(facts, bundle, world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(told(device.id)).toEqual({ 1: 'insufficient_funds' })
  expect(await bundleOf(device.id)).toMatchObject({ status: 'failed' })
  const { rows } = await db().app.query('SELECT * FROM offline_shortfalls WHERE device_id = $1', [device.id])
  expect(rows).toMatchObject([
    { kind: 'payment', amount_minor: 2500, short_wallet: payer, borne_by: device.ownerWallet, bearer: 'merchant' },
  ])
})

test('approval is no payer’s word: a payment that was held without proof fails when it is approved', async () => {
  // The shop signs for its customer.
  const sign = (device: TestDevice, payment: Payment) => signedBy(device, payment, { pass: { wallet: payment.sender } })
  const { device, payer, made, facts, bundle } = await waiting(1, 100_000, { amount: amountMinor(10_001) }, sign)
  world.network.send(facts, bundle, world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(told(device.id)).toEqual({ 1: 'payer_not_proven' })
  expect(await db().balance(payer)).toBe(100_000)
})

test.each([
  ['before its bundle', ({ facts, bundle }: Waiting, resolution: Uint8Array) => [[facts, resolution], [bundle]]],
  [
    'before its bundle and its device',
    ({ facts, bundle }: Waiting, resolution: Uint8Array) => [[resolution], [bundle], [facts]],
  ],
  ['with its bundle', ({ facts, bundle }: Waiting, resolution: Uint8Array) => [[facts], [resolution, bundle]]],
  [
    'again and again',
    ({ facts, bundle }: Waiting, resolution: Uint8Array) => [
      [resolution, resolution],
      [facts, bundle],
      [resolution],
      [resolution],
    ],
  ],
] as const)('a resolution that comes %s is carried out once', async (_, order) => {
  const one = await waiting(1)
  for (const messages of order(one, await world.review(one.made, 1, { 1: 'approve' }))) {
    world.network.send(...messages)
    await (await world.reconciler()).once()
    world.now += 60_000
  }
  await world.settle()
  expect(told(one.device.id)).toEqual({ 1: 'succeeded' })
  expect(await db().balance(one.payer)).toBe(97_500)
  expect(await results(one.device.id)).toEqual([[1, 1, 'applied']])
})

test('a resolution that waits for its bundle is confirmed, visible and never parked', async () => {
  const { device, made, facts } = await waiting(1)
  world.network.send(facts, world.review(made, 1, { 1: 'approve' }))
  for (let i = 0; i < 15; i++) await world.settle()
  expect(world.network.confirmed).toContainEqual({ kind: 'resolution_recorded', deviceId: device.id, rev: 1 })
  const { rows } = await db().app.query('SELECT waiting_for FROM offline_open_resolutions WHERE device_id = $1', [
    device.id,
  ])
  expect(rows).toEqual([{ waiting_for: 'bundle' }])
  expect((await (await world.reconciler()).backlog()).resolutions).toBe(1)
})

test.each([
  ['in order', [1, 2]],
  ['the later one first', [2, 1]],
])('of two resolutions that wait for one payment the later one holds, arriving %s', async (_, order) => {
  const { device, payer, made, facts, bundle } = await waiting(1)
  const resolutions = { 1: world.review(made, 1, { 1: 'approve' }), 2: world.review(made, 2, { 1: 'reject' }) }
  world.network.send(facts)
  await world.settle()
  for (const rev of order) {
    world.network.send(resolutions[rev as 1 | 2])
    await (await world.reconciler()).once()
  }
  world.network.send(bundle)
  await world.settle()
  expect(told(device.id)).toEqual({ 1: 'reviewer_rejected' })
  expect(await db().balance(payer)).toBe(100_000)
  expect(await results(device.id)).toEqual([
    [1, 1, 'superseded'],
    [2, 1, 'applied'],
  ])
})

test('a resolution about a payment that does not wait changes nothing, and is visible', async () => {
  const { device, payer, made, facts, bundle } = await waiting(1)
  world.network.send(facts, bundle, world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  const before = await bundleOf(device.id)
  const elsewhere = { bundleId: randomBytes(16) }
  world.network.send(
    world.review(made, 2, { 1: 'reject' }),
    world.review(made, 3, { 7: 'approve' }),
    world.review(made, 4, { 1: 'reject' }, elsewhere),
  )
  await world.settle()
  expect(await bundleOf(device.id)).toEqual(before)
  expect(told(device.id)).toEqual({ 1: 'succeeded' })
  expect(await db().balance(payer)).toBe(97_500)
  expect(await results(device.id)).toEqual([
    [1, 1, 'applied'],
    [2, 1, 'not_waiting'],
    [3, 7, 'unknown_payment'],
    // Of a bundle that may still come.
    [4, 1, null],
  ])
})

test('another resolution under a recorded number is parked, and the first one stands', async () => {
  const { device, made, facts } = await waiting(1)
  world.network.send(facts, world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  world.network.send(world.review(made, 1, { 1: 'reject' }))
  await world.settle()
  const { rows } = await db().app.query(
    "SELECT last_error FROM offline_sync_queue WHERE device_id = $1 AND status = 'parked'",
    [device.id],
  )
  expect(rows).toEqual([{ last_error: 'resolution_conflict' }])
  const { rows: kept } = await db().app.query('SELECT choice FROM offline_resolutions WHERE device_id = $1', [
    device.id,
  ])
  expect(kept).toEqual([{ choice: 'approve' }])
})

test('a resolution about a copy is none about the payment, which another bundle holds', async () => {
  const { device, payer, facts, bundle } = await waiting(1)
  const again = [device.payment({ sender: payer, counter: 1 })]
  const made = await device.bundle(again, world.keySet)
  const exceptions = [{ counter: 1, decision: 'refused', reason: 'duplicate' } as const]
  world.network.send(facts, bundle, await world.admitMade(made, again, { exceptions }))
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(await results(device.id)).toEqual([[1, 1, 'unknown_payment']])
  expect(await db().balance(payer)).toBe(100_000)
})

test('a copy of a held payment in another bundle is not what was decided about', async () => {
  const { device, payer, made, facts, bundle } = await waiting(1)
  const copy = await world.admit(
    device,
    [device.payment({ sender: payer, counter: 1 })],
    [{ counter: 1, decision: 'refused', reason: 'duplicate' }],
  )
  world.network.send(facts, copy, world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(await db().balance(payer)).toBe(100_000)
  world.network.send(bundle)
  await world.settle()
  expect(await db().balance(payer)).toBe(97_500)
})

test('three reconcilers at once, every message twice and in any order: each resolution once', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => waiting(6)))
  const messages = all.flatMap(({ made, facts, bundle }) => [
    ...[facts, bundle],
    world.review(made, 1, { 1: 'approve', 2: 'reject' }),
    world.review(made, 2, { 3: 'approve', 4: 'approve', 5: 'reject' }),
    world.review(made, 3, { 6: 'approve' }),
  ])
  const shuffled = [...messages, ...messages].map((body) => ({ body, key: Math.random() }))
  world.network.send(...shuffled.sort((a, b) => a.key - b.key).map(({ body }) => body))
  const ids = all.map(({ device }) => device.id)
  const settled = async () => {
    const { rows } = await db().app.query(
      "SELECT count(*) AS n FROM offline_resolutions WHERE device_id = ANY ($1) AND result = 'applied'",
      [ids],
    )
    return rows[0].n
  }
  await runThree(world, () => expect.poll(settled, { ...EVENTUALLY, interval: 50 }).toBe(8 * 6))
  for (const { payer } of all) expect(await db().balance(payer)).toBe(100_000 - 4 * 2500)
  const { rows } = await db().app.query(
    'SELECT DISTINCT status, rev FROM offline_tx_bundles WHERE device_id = ANY ($1)',
    [ids],
  )
  expect(rows.every(({ status }) => status === 'partially_accepted')).toBe(true)
})

/** A held payment, decided about, by a reconciler whose wire to Postgres breaks at the given message. */
async function decideWithCut(at: number, how: 'before' | 'after'): Promise<boolean> {
  const { device, payer, made, facts, bundle } = await waiting(2)
  world.network.send(facts, bundle)
  // By the same one each time: a reconciler a cut would take all connections that the database has.
  await world.settle()
  world.network.send(world.review(made, 1, { 1: 'approve', 2: 'reject' }))
  const dead = await roundWithCut(world, at, how)
  const done = async () => {
    await world.settle()
    return told(device.id)
  }
  await expect.poll(done, EVENTUALLY).toEqual({ 1: 'succeeded', 2: 'reviewer_rejected' })
  expect(await db().balance(payer)).toBe(97_500)
  expect(await bundleOf(device.id)).toEqual({ status: 'partially_accepted', rev: 2 })
  return dead
}

test.each(['before', 'after'] as const)(
  'killed %s any message to Postgres: each resolution once',
  EVENTUALLY,
  async (how) => {
    let at = 1
    while (await decideWithCut(at, how)) at += 1
    expect(at).toBeGreaterThan(15)
    expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
  },
)

test('a resolution that breaks the database’s rules holds up no other, and is tried again', async () => {
  const [bad, good] = [await waiting(1), await waiting(1)]
  world.network.send(bad.facts, bad.bundle, good.facts, good.bundle)
  await world.settle()
  await db().owner.query(
    `ALTER TABLE offline_transactions ADD CONSTRAINT no_bad CHECK (device_id <> '${bad.device.id}' OR status = 'review')`,
  )
  world.network.send(world.review(bad.made, 1, { 1: 'approve' }), world.review(good.made, 1, { 1: 'approve' }))
  await world.settle()
  expect(told(good.device.id)).toEqual({ 1: 'succeeded' })
  const { rows } = await db().app.query('SELECT last_error, attempts FROM offline_resolutions WHERE device_id = $1', [
    bad.device.id,
  ])
  expect(rows[0].last_error).toContain('no_bad')
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT no_bad')
  world.now += 600_000
  await world.settle()
  expect(told(bad.device.id)).toEqual({ 1: 'succeeded' })
})

test('the application can record a resolution, and not what came of it', async () => {
  await expect(db().app.query("UPDATE offline_resolutions SET result = 'applied'")).rejects.toThrow(/permission denied/)
  await expect(db().app.query('DELETE FROM offline_resolutions')).rejects.toThrow(/permission denied/)
  await expect(
    db().app.query("INSERT INTO offline_resolutions (device_id, rev, counter, result) VALUES ('d', 1, 1, 'applied')"),
  ).rejects.toThrow(/permission denied/)
})

test('after all this the whole book is sound', async () => {
  const { code, output } = await call(verify, [], world)
  expect(output).toContain('the book is sound')
  expect(code).toBe(0)
})
