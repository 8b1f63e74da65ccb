import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { status } from '../../../reconciler/commands/status.ts'
import { verify } from '../../../reconciler/commands/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { call } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { roundWithCut } from '../faults/cut.ts'
import { EVENTUALLY, makeWorld, runThree, type World } from '../kit.ts'

/** Money of a payment that waits for a person cannot be spent before the resolution. */
const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(async () => {
  await expectSoundBook(db().app)
  const { output, code } = await call(verify, [], world)
  expect(code, output).toBe(0)
})

type Wait = 'review' | 'quarantined'

/** A registered device whose payments, of 2 500 each, come from one wallet, with its holder's word. */
async function shop(balance: number) {
  const [device, phone] = [await world.device(), await world.device('customer', balance)]
  const payer = phone.ownerWallet
  world.network.send(world.facts(device), world.facts(phone))
  await world.settle()
  const signed = async (payment: Payment) => signedBy(phone, payment)
  const bundle = async (words: readonly (Wait | 'accepted')[], over: Partial<Payment> = {}) => {
    const payments = await Promise.all(words.map(() => signed(device.payment({ sender: payer, ...over }))))
    const exceptions = words.flatMap((decision, i): DecisionException[] => {
      const counter = payments[i]?.counter ?? 0
      return decision === 'accepted' ? [] : [{ counter, decision, reason: 'risk_review' }]
    })
    const made = await device.bundle(payments, world.keySet)
    return { made, message: await world.admitMade(made, payments, { exceptions }) }
  }
  const sell = async (words: readonly (Wait | 'accepted')[], over: Partial<Payment> = {}): Promise<Made> => {
    const { made, message } = await bundle(words, over)
    world.network.send(message)
    await world.settle()
    return made
  }
  return { device, payer, bundle, sell }
}

/** Balance, and what of it is held. */
const funds = async (wallet: string) => {
  const { rows } = await db().app.query(
    'SELECT balance_minor, held_minor FROM wallet_core.balances WHERE wallet_id = $1',
    [wallet],
  )
  return [rows[0].balance_minor, rows[0].held_minor]
}
/** What the edge was told last about each payment. */
const told = (device: TestDevice) =>
  Object.fromEntries(
    world.network.outcomes(device.id).map(({ counter, status, reason }) => [counter, reason ?? status]),
  )
const onRecord = async (device: TestDevice) => {
  const { rows } = await db().app.query(
    "SELECT detail -> 'holds' AS holds FROM offline_audit_logs WHERE device_id = $1 AND detail ? 'holds' ORDER BY seq",
    [device.id],
  )
  return rows.map(({ holds }) => holds)
}
const decide = async (made: Made, rev: number, resolutions: Record<number, 'approve' | 'reject'>) => {
  world.network.send(world.review(made, rev, resolutions))
  await world.settle()
}

test.each(['review', 'quarantined'] as const)(
  'in %s, the money waits for its own payment, and no other can spend it',
  async (wait) => {
    const { device, payer, sell } = await shop(5000)
    const made = await sell([wait])
    expect(await funds(payer)).toEqual([5000, 2500])
    await sell(['accepted', 'accepted'])
    expect(told(device)).toMatchObject({ 2: 'succeeded', 3: 'insufficient_funds' })
    await decide(made, 1, { 1: 'approve' })
    expect(told(device)).toMatchObject({ 1: 'succeeded' })
    expect(await funds(payer)).toEqual([0, 0])
    expect(await onRecord(device)).toEqual([[[1, 'placed']], [[1, 'posted']]])
  },
)

test('a rejected payment’s money can be spent again', async () => {
  const { device, payer, sell } = await shop(2500)
  const made = await sell(['review'])
  await decide(made, 1, { 1: 'reject' })
  expect(await funds(payer)).toEqual([2500, 0])
  await sell(['accepted'])
  expect(told(device)).toEqual({ 1: 'reviewer_rejected', 2: 'succeeded' })
  expect(await onRecord(device)).toEqual([[[1, 'placed']], [[1, 'released']]])
})

test('within a bundle the money goes to who comes first, whether it waits or not', async () => {
  const { device, payer, sell } = await shop(5000)
  const made = await sell(['accepted', 'review', 'accepted', 'quarantined'])
  expect(told(device)).toMatchObject({ 1: 'succeeded', 3: 'insufficient_funds' })
  expect(await funds(payer)).toEqual([2500, 2500])
  expect(await onRecord(device)).toEqual([[[2, 'placed'], [4, 'insufficient_funds']]]) // biome-ignore format: a list
  await decide(made, 1, { 4: 'approve' })
  expect(told(device)).toMatchObject({ 4: 'insufficient_funds' })
  await decide(made, 2, { 2: 'approve' })
  expect(told(device)).toMatchObject({ 2: 'succeeded' })
})

test('without enough money nothing is held, the payment waits on, visibly, and is tried when it is approved', async () => {
  const { device, payer, sell } = await shop(2499)
  const made = await sell(['review'])
  expect(await funds(payer)).toEqual([2499, 0])
  const { output } = await call(status, [], world)
  expect(output).toMatch(
    /1 payments in review, 0 quarantined, the oldest for \d+ s; 1 of them without their money held/,
  )
  expect((await call(verify, [], world)).output).toContain('1 of them without their money held')
  expect(await onRecord(device)).toEqual([[[1, 'insufficient_funds']]])
  await db().open(payer, 1)
  await decide(made, 1, { 1: 'approve' })
  expect(told(device)).toEqual({ 1: 'succeeded' })
  expect(await funds(payer)).toEqual([0, 0])
})

test('a frozen wallet’s money is not held', async () => {
  const { device, payer, sell } = await shop(5000)
  const freeze = (on: boolean) =>
    db().owner.query('UPDATE wallet_core.accounts SET frozen = $1 WHERE wallet_id = $2', [on, payer])
  await freeze(true)
  const made = await sell(['review', 'review'])
  expect(await funds(payer)).toEqual([5000, 0])
  expect(await onRecord(device)).toEqual([[[1, 'wallet_frozen'], [2, 'wallet_frozen']]]) // biome-ignore format: a list
  await decide(made, 1, { 1: 'approve' })
  await freeze(false)
  await decide(made, 2, { 2: 'approve' })
  expect(told(device)).toEqual({ 1: 'wallet_frozen', 2: 'succeeded' })
})

test('nobody can have a stranger’s money held: without the payer’s word there is no hold', async () => {
  const { device, payer, sell } = await shop(100_000)
  // A phone of somebody else signs for the customer.
  const thief = await world.device()
  world.network.send(world.facts(thief))
  const asked = device.payment({ amount: amountMinor(10_001), sender: payer, counter: 1 })
  device.counter = 1
  const made = await sell(['review'], signedBy(thief, asked, { pass: { wallet: payer } }))
  expect(await funds(payer)).toEqual([100_000, 0])
  expect(await onRecord(device)).toEqual([[[1, 'payer_not_proven']]])
  await decide(made, 1, { 1: 'approve' })
  expect(told(device)).toEqual({ 1: 'payer_not_proven' })
})

test('an approved payment that fails gives back what was held', async () => {
  const { device, payer, sell } = await shop(5000)
  const made = await sell(['review'])
  await db().owner.query('UPDATE wallet_core.accounts SET frozen = true WHERE wallet_id = $1', [device.ownerWallet])
  await decide(made, 1, { 1: 'approve' })
  expect(told(device)).toEqual({ 1: 'wallet_frozen' })
  expect(await funds(payer)).toEqual([5000, 0])
  expect(await onRecord(device)).toEqual([[[1, 'placed']], [[1, 'released']]])
})

test('a reversal does not take what its debtor’s payment waits with, and comes through when it is free', async () => {
  const [first, second] = [await shop(2500), await shop(0)]
  const made = await first.sell(['accepted'], { type: 'p2p', receiver: second.payer })
  const waits = await second.sell(['review'])
  expect(await funds(second.payer)).toEqual([2500, 2500])
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  expect(told(first.device)).toEqual({ 1: 'succeeded' })
  const { rows } = await db().app.query('SELECT kind, bearer FROM offline_shortfalls WHERE device_id = $1', [
    first.device.id,
  ])
  expect(rows).toEqual([{ kind: 'reversal', bearer: 'payer' }])
  await decide(waits, 1, { 1: 'reject' })
  world.now += 24 * 3_600_000
  await world.settle()
  expect(told(first.device)).toEqual({ 1: 'reversed' })
  expect([await funds(first.payer), await funds(second.payer)]).toEqual([
    [2500, 0],
    [0, 0],
  ])
})

test('the reversal of a payment that was held gives its money back, free to be spent', async () => {
  const { device, payer, sell } = await shop(2500)
  const made = await sell(['review'])
  await decide(made, 1, { 1: 'approve' })
  world.network.send(world.reversal(made, 2, 1))
  await world.settle()
  expect(told(device)).toEqual({ 1: 'reversed' })
  expect(await funds(payer)).toEqual([2500, 0])
})

test('bundles and resolutions that come again, in any order, hold once and release once', async () => {
  const { device, payer, bundle } = await shop(10_000)
  const { made, message } = await bundle(['review', 'review'])
  world.network.send(message, message)
  await world.settle()
  world.network.send(message)
  await world.settle()
  expect(await funds(payer)).toEqual([10_000, 5000])
  const resolution = await world.review(made, 1, { 1: 'approve', 2: 'reject' })
  world.network.send(resolution, message, resolution)
  await world.settle()
  await decide(made, 2, { 1: 'reject', 2: 'approve' })
  world.network.send(message, resolution)
  await world.settle()
  expect(told(device)).toEqual({ 1: 'succeeded', 2: 'reviewer_rejected' })
  expect(await funds(payer)).toEqual([7500, 0])
})

test('a payment cannot stop waiting while its money is held, whatever writes it', async () => {
  const { device, sell } = await shop(5000)
  await sell(['review'])
  await expect(
    db().owner.query("UPDATE offline_transactions SET status = 'refused' WHERE device_id = $1", [device.id]),
  ).rejects.toThrow('money is held')
})

test('three reconcilers, the same two wallets paying each other, resolutions among them: all money is accounted for', async () => {
  const phones = [await world.device('customer', 15_000), await world.device('customer', 15_000)] as const
  const wallets = phones.map(({ ownerWallet }) => ownerWallet)
  world.network.send(...phones.map((phone) => world.facts(phone)))
  await world.settle()
  const devices = await Promise.all(Array.from({ length: 8 }, () => world.device()))
  const all = await Promise.all(
    devices.map(async (device, d) => {
      const [payer, payee] = d % 2 === 0 ? phones : [phones[1], phones[0]]
      const parties = { type: 'p2p', sender: payer.ownerWallet, receiver: payee.ownerWallet } as const
      const payments = await Promise.all(
        [1, 2, 3, 4].map(async (i) => {
          // No two of one amount: they would pass for one payment on two devices.
          const payment = device.payment({ ...parties, amount: amountMinor(2500 + d * 4 + i) })
          return signedBy(payer, payment)
        }),
      )
      const exceptions = [1, 2, 3].map((counter) => ({ counter, decision: 'review', reason: 'risk_review' }) as const)
      const made = await device.bundle(payments, world.keySet)
      const bundle = await world.admitMade(made, payments, { exceptions })
      const resolutions = [
        world.review(made, 1, { 1: 'approve', 2: 'reject' }),
        world.review(made, 2, { 3: 'approve' }),
      ]
      return [world.facts(device), bundle, ...resolutions]
    }),
  )
  const messages = all.flat()
  const shuffled = [...messages, ...messages].map((body) => ({ body, key: Math.random() }))
  world.network.send(...shuffled.sort((a, b) => a.key - b.key).map(({ body }) => body))
  const ids = devices.map(({ id }) => id)
  const settled = async () => {
    const { rows } = await db().app.query(
      "SELECT count(*) AS n FROM offline_resolutions WHERE device_id = ANY ($1) AND result = 'applied'",
      [ids],
    )
    return rows[0].n
  }
  await runThree(world, () => expect.poll(settled, { ...EVENTUALLY, interval: 50 }).toBe(8 * 3))
  const [a, b] = [await funds(wallets[0] ?? ''), await funds(wallets[1] ?? '')]
  expect([a[1], b[1], a[0] + b[0]]).toEqual([0, 0, 30_000])
  const { rows } = await db().app.query('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')
  expect(rows[0].deadlocks).toBe(0)
})

/** A bundle whose payments wait, and its resolution, settled by a reconciler whose wire breaks at a message. */
async function settleWithCut(at: number, how: 'before' | 'after'): Promise<boolean> {
  const { device, payer, bundle } = await shop(10_000)
  const { made, message } = await bundle(['review', 'review'])
  world.network.send(message, world.review(made, 1, { 1: 'approve', 2: 'reject' }))
  const dead = await roundWithCut(world, at, how)
  const done = async () => {
    await world.settle()
    return told(device)
  }
  await expect.poll(done, EVENTUALLY).toEqual({ 1: 'succeeded', 2: 'reviewer_rejected' })
  // What was held twice would still be held.
  expect(await funds(payer)).toEqual([7500, 0])
  return dead
}

test.each(['before', 'after'] as const)(
  'killed %s any message to Postgres: held once, ended once',
  EVENTUALLY,
  async (how) => {
    let at = 1
    while (await settleWithCut(at, how)) at += 1
    expect(at).toBeGreaterThan(15)
  },
)
