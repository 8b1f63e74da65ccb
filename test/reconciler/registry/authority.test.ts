import { afterAll, beforeAll, expect, test } from 'vitest'
import { compressKey } from '../../../src/crypto/compressed-key.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { Bent } from '../../kit/authorization.ts'
import { randomBytes, type TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, type World } from '../kit.ts'

const db = useDatabase()
let world: World
let merchant: TestDevice
let payer: TestDevice
beforeAll(async () => {
  world = await makeWorld(db())
  merchant = await world.device()
  payer = await world.device()
  await db().open('rich', 1_000_000)
  await db().owner.query("SELECT wallet_core.fund('t', '{1}', ARRAY[$1], '{1000000}', 'XOF', now())", [
    payer.ownerWallet,
  ])
  world.network.send(world.facts(merchant), world.facts(payer))
  await world.settle()
})
afterAll(() => world.close())

const ABOVE = amountMinor(10_001)
const WITHIN = amountMinor(10_000)

/** What becomes of one payment at the merchant's. */
async function settled(payment: Payment): Promise<string> {
  world.network.send(await world.admit(merchant, [payment]))
  await world.settle()
  const outcome = world.network.outcomes(merchant.id).find(({ counter }) => counter === payment.counter)
  return outcome?.reason ?? outcome?.status ?? 'waiting'
}
async function signed(over: Partial<Payment> = {}, by = payer, bent: Bent = {}): Promise<Payment> {
  const payment = merchant.payment({ sender: payer.ownerWallet, amount: ABOVE, ...over })
  return signedBy(by, payment, bent)
}

test('without proof an amount within the policy’s limit is a claim, and moves nothing', async () => {
  merchant.signsForPayers = false
  const before = await db().balance('rich')
  expect(await settled(merchant.payment({ sender: 'rich', amount: WITHIN }))).toBe('claimed')
  expect(await db().balance('rich')).toBe(before)
  merchant.signsForPayers = true
})

test('a larger one without proof fails, though the edge accepted it', async () => {
  expect(await settled(merchant.payment({ sender: 'rich', amount: ABOVE }))).toBe('payer_not_proven')
})

test('the device’s own wallet needs no proof', async () => {
  const payment = payer.payment({ type: 'p2p', sender: payer.ownerWallet, receiver: 'rich', amount: ABOVE })
  world.network.send(await world.admit(payer, [payment]))
  await world.settle()
  expect(world.network.outcomes(payer.id)).toMatchObject([{ counter: payment.counter, status: 'succeeded' }])
})

test('the payer’s signature over the terms proves a larger one', async () => {
  expect(await settled(await signed())).toBe('succeeded')
})

test('a signature is good for one payment only', async () => {
  const again = { header: { requestId: randomBytes(16) } }
  const [first, second] = [await signed({}, payer, again), await signed({}, payer, again)]
  world.network.send(await world.admit(merchant, [first, second]))
  await world.settle()
  const outcome = ({ counter }: Payment) => world.network.outcomes(merchant.id).find((o) => o.counter === counter)
  expect([outcome(first)?.status, outcome(second)?.reason]).toEqual(['succeeded', 'payer_not_proven'])
  expect(await settled(await signed({}, payer, again))).toBe('payer_not_proven')
})

test.each([
  ['over another amount', () => signed({}, payer, { over: { amount: amountMinor(10_002) } })],
  ['over another receiver', () => signed({}, payer, { over: { receiver: 'rich' } })],
  ['of a device whose owner is not the payer', async () => signed({ sender: 'rich' })],
  [
    'by another key under the payer’s name',
    async () => {
      const payment = merchant.payment({ sender: payer.ownerWallet, amount: ABOVE })
      const forger = Object.assign(Object.create(payer), { signer: merchant.signer }) as TestDevice
      return signedBy(forger, payment, { pass: { key: compressKey(payer.signer.key) as Uint8Array } })
    },
  ],
  ['that is garbage', async () => merchant.payment({ sender: 'rich', amount: ABOVE, authorization: randomBytes(80) })],
])('a signature %s proves nothing', async (_, payment) => {
  expect(await settled(await payment())).toBe('payer_not_proven')
})

test('a payer’s device that comes late is waited for', async () => {
  const late = await world.device()
  await db().owner.query("SELECT wallet_core.fund('t', '{2}', ARRAY[$1], '{1000000}', 'XOF', now())", [
    late.ownerWallet,
  ])
  const payment = await signed({ sender: late.ownerWallet }, late)
  world.network.send(await world.admit(merchant, [payment]))
  await (await world.reconciler()).once()
  expect(await (await world.reconciler()).backlog()).toMatchObject({ waiting: 1 })
  world.network.send(world.facts(late))
  await world.settle()
  expect(world.network.outcomes(merchant.id).find(({ counter }) => counter === payment.counter)?.status).toBe(
    'succeeded',
  )
})

test('one that never comes is waited for for hours; then a person looks at its payment, and the others go on', async () => {
  const unknown = await world.device()
  const payments = [await signed({ sender: unknown.ownerWallet }, unknown), merchant.payment({ sender: 'rich' })]
  const outcomes = () =>
    payments.map(({ counter }) => world.network.outcomes(merchant.id).find((o) => o.counter === counter))
  world.network.send(await world.admit(merchant, payments))
  await world.settle()
  world.now += 115 * 60_000
  await (await world.reconciler()).once()
  expect(outcomes()).toEqual([undefined, undefined])
  world.now += 10 * 60_000
  await world.settle()
  expect(outcomes()).toMatchObject([{ status: 'review', reason: 'payer_not_proven' }, { status: 'succeeded' }])
})

test('a suspended payer’s device signs for nobody', async () => {
  const stolen = await world.device()
  world.network.send(world.facts(stolen, { status: 'suspended' }))
  await world.settle()
  expect(await settled(await signed({ sender: stolen.ownerWallet }, stolen))).toBe('payer_not_proven')
})

/** The payer gets another key; what becomes of the first one. */
async function rekeyed(fate: 'replaced' | 'revoked', named = true): Promise<TestDevice> {
  const [phone, next] = [await world.device('customer'), await world.device()]
  await db().owner.query("SELECT wallet_core.fund($1, '{1}', ARRAY[$2], '{1000000}', 'XOF', now())", [
    phone.id,
    phone.ownerWallet,
  ])
  const first = { alg: -7, kid: phone.kid, publicKey: phone.signer.key.bytes } as const
  const second = { kid: next.kid, publicKey: next.signer.key.bytes }
  const newer = world.facts(phone, { rev: 2, ...second, ...(named && { olderKeys: [{ ...first, fate }] }) })
  // The older facts come last: they must not bring the key back.
  world.network.send(newer)
  await world.settle()
  world.network.send(world.facts(phone))
  await world.settle()
  return phone
}

test('a key that its device lost authorises nothing, in whatever order that is heard', async () => {
  const phone = await rekeyed('revoked')
  expect(await settled(await signed({ sender: phone.ownerWallet }, phone))).toBe('payer_not_proven')
})

test.each([true, false])(
  'what a replaced key authorised counts as long as a payment may be on its way, and no longer (named: %s)',
  async (named) => {
    const phone = await rekeyed('replaced', named)
    expect(await settled(await signed({ sender: phone.ownerWallet }, phone))).toBe('succeeded')
    world.now += 73 * 3_600_000
    const late = await signed({ sender: phone.ownerWallet, initiatedAtMs: world.now }, phone)
    expect(await settled(late)).toBe('payer_not_proven')
    world.now -= 73 * 3_600_000
  },
)

test('the database itself lets no key come back', async () => {
  await rekeyed('revoked')
  await expect(
    db().app.query("UPDATE offline_device_keys SET state = 'active' WHERE state = 'revoked'"),
  ).rejects.toThrow(/not active again/)
})

test('no payment out of a system account, however small', async () => {
  const payment = { sender: 'system:treasury:XOF' }
  expect(await settled(merchant.payment(payment)), 'signed by a phone that is registered for it').toBe(
    'payer_not_proven',
  )
  merchant.signsForPayers = false
  expect(await settled(merchant.payment(payment)), 'claimed').toBe('unknown_wallet')
  merchant.signsForPayers = true
})
