import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { type Made, randomBytes, type TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { evidenceOf, makeWorld, type World } from '../kit.ts'

/** A payment that waits for a person because its payer's device never came. */
const db = useDatabase()
let world: World
let merchant: TestDevice
let phone: TestDevice
let made: Made
beforeAll(async () => {
  world = await makeWorld(db())
})
beforeEach(async () => {
  merchant = await world.device()
  phone = await world.device('customer')
  await db().owner.query("SELECT wallet_core.fund($1, '{1}', ARRAY[$2], '{100000}', 'XOF', now())", [
    phone.id,
    phone.ownerWallet,
  ])
  world.network.send(world.facts(merchant))
})
afterAll(() => world.close())

async function held(requestIds: readonly Uint8Array[]): Promise<void> {
  const payments = await Promise.all(
    requestIds.map(async (requestId) => {
      const payment = merchant.payment({ sender: phone.ownerWallet, amount: amountMinor(40_000) })
      return signedBy(phone, payment, { header: { requestId } })
    }),
  )
  made = await merchant.bundle(payments, world.keySet)
  world.network.send(await world.admitMade(made, payments))
  await world.settle()
  world.now += 3 * 3_600_000
  await world.settle()
}
const statuses = async () => {
  const { rows } = await db().app.query(
    'SELECT status, reason FROM offline_transactions WHERE device_id = $1 ORDER BY counter',
    [merchant.id],
  )
  return rows.map(({ status, reason }) => reason ?? status)
}

test('approved after its payer’s device became known, it is posted', async () => {
  await held([randomBytes(16)])
  world.network.send(world.facts(phone))
  await world.settle()
  expect(await statuses()).toEqual(['payer_not_proven'])
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(await statuses()).toEqual(['succeeded'])
  expect(await db().balance(phone.ownerWallet)).toBe(60_000)
})

test('approved while its payer’s device is unknown, or when that device is suspended, it fails', async () => {
  await held([randomBytes(16), randomBytes(16)])
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  world.network.send(world.facts(phone, { status: 'suspended' }))
  await world.settle()
  world.network.send(world.review(made, 2, { 2: 'approve' }))
  await world.settle()
  const { rows } = await db().app.query('SELECT status FROM offline_transactions WHERE device_id = $1', [merchant.id])
  expect(rows).toEqual([{ status: 'failed' }, { status: 'failed' }])
  expect(await db().balance(phone.ownerWallet)).toBe(100_000)
})

/** It is in the book with its payer's signature, and waits because the edge says so. */
async function waiting(): Promise<void> {
  const payment = merchant.payment({ sender: phone.ownerWallet, amount: amountMinor(40_000) })
  const signed = signedBy(phone, payment)
  made = await merchant.bundle([signed], world.keySet)
  const exceptions = [{ counter: signed.counter, decision: 'review', reason: 'risk_review' }] as const
  world.network.send(await world.facts(phone), await world.admitMade(made, [signed], { exceptions }))
  await world.settle()
  expect(await statuses()).toEqual(['risk_review'])
}
const approve = async () => {
  world.network.send(await world.review(made, 1, { 1: 'approve' }))
  await world.settle()
}

test.each([
  ['suspended', { status: 'suspended' }],
  ['revoked', { status: 'revoked' }],
  ['of another owner', { ownerWallet: 'W-SOMEBODY' }],
] as const)(
  'a payer’s device that is %s while people look: approved, it fails, and nothing is held',
  async (_, over) => {
    await waiting()
    world.network.send(await world.facts(phone, { rev: 2, ...over }))
    await world.settle()
    await approve()
    expect(await statuses()).toEqual(['payer_not_proven'])
    const { rows } = await db().app.query(
      'SELECT balance_minor, held_minor FROM wallet_core.accounts WHERE wallet_id = $1',
      [phone.ownerWallet],
    )
    expect(rows).toEqual([{ balance_minor: 100_000, held_minor: 0 }])
  },
)

test('a payer’s key that is revoked while people look authorises nothing, one that is replaced does', async () => {
  for (const [fate, status] of [
    ['revoked', 'payer_not_proven'],
    ['replaced', 'succeeded'],
  ] as const) {
    merchant = await world.device()
    phone = await world.device('customer', 100_000)
    world.network.send(await world.facts(merchant))
    await waiting()
    const next = await world.device('customer')
    const old = { alg: -7, kid: phone.kid, publicKey: phone.signer.key.bytes, fate } as const
    const facts = { rev: 2, kid: next.kid, publicKey: next.signer.key.bytes, olderKeys: [old] }
    world.network.send(await world.facts(phone, facts))
    await world.settle()
    await approve()
    expect(await statuses(), fate).toEqual([status])
  }
})

test.each(['suspended', 'revoked'] as const)(
  'a till that is %s while people look: what it signed before counts',
  async (status) => {
    await waiting()
    world.network.send(await world.facts(merchant, { rev: 2, status }))
    await world.settle()
    await approve()
    expect(await statuses()).toEqual(['succeeded'])
    expect(await db().balance(phone.ownerWallet)).toBe(60_000)
  },
)

test('one signature, approved for two payments, is good for one', async () => {
  const requestId = randomBytes(16)
  await held([requestId, requestId])
  world.network.send(world.facts(phone))
  await world.settle()
  world.network.send(world.review(made, 1, { 1: 'approve', 2: 'approve' }))
  await world.settle()
  expect((await statuses()).sort()).toEqual(['payer_not_proven', 'succeeded'])
  expect(await db().balance(phone.ownerWallet)).toBe(60_000)
})

describe('when the payer’s word is lost while people look, the book is sound', () => {
  const findings = async () => {
    const { findings } = await verifyBook({
      ...{ pool: db().app, evidence: await evidenceOf(world), examplesMax: 5, onProgress: () => undefined },
    })
    return findings.filter(({ found }) => found > 0).map(({ check }) => check)
  }
  const suspend = async () => world.network.send(await world.facts(phone, { rev: 2, status: 'suspended' }))

  test.each([
    ['reject', 'reviewer_rejected'],
    ['expire', 'review_expired'],
    ['revoke', 'device_revoked'],
  ] as const)('with an approval that comes together with its %s', async (end, reason) => {
    await waiting()
    await suspend()
    await world.settle()
    const actors = ['user:anna', 'user:bo']
    world.network.send(
      await world.review(made, 1, { 1: 'approve' }, { actors }),
      await world.review(made, 2, { 1: end }, { actors }),
    )
    await world.settle()
    expect(await statuses()).toEqual([reason])
    expect(await findings()).toEqual([])
  })

  test('with an approval that comes together with a rejection which waits for a second person', async () => {
    const payments = await Promise.all(
      Array.from({ length: 6 }, () =>
        signedBy(phone, merchant.payment({ sender: phone.ownerWallet, amount: amountMinor(40_000) })),
      ),
    )
    made = await merchant.bundle(payments, world.keySet)
    const exceptions = payments.map(({ counter }) => ({ counter, decision: 'review', reason: 'risk_review' }) as const)
    world.network.send(await world.facts(phone), await world.admitMade(made, payments, { exceptions }))
    await world.settle()
    const eve = { actors: ['user:eve'] }
    world.network.send(
      await world.review(made, 1, { 1: 'reject', 2: 'reject', 3: 'reject', 4: 'reject', 5: 'reject' }, eve),
    )
    await world.settle()
    await suspend()
    await world.settle()
    world.network.send(await world.review(made, 2, { 6: 'approve' }), await world.review(made, 3, { 6: 'reject' }, eve))
    await world.settle()
    expect((await statuses()).at(-1)).toBe('risk_review')
    expect(await findings()).toEqual([])
  })
})

test('after all this the whole book is sound', async () => {
  const evidence = await evidenceOf(world)
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 5, onProgress: () => undefined })
  expect(findings.filter(({ found }) => found > 0)).toEqual([])
})
