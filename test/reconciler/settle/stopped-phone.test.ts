import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { signAllowanceOrder } from '../../kit/allowance.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { evidenceOf, makeWorld, type World } from '../kit.ts'

/**
 * A taker was told with no network that a payment is covered. The phone was stopped before the bundle came: what is held for that is
 * paid, and not a franc more of the wallet.
 */
const db = useDatabase()
let world: World
let phone: TestDevice
let till: TestDevice

beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
beforeEach(async () => {
  ;[phone, till] = [await world.device('customer', 10_000), await world.device()]
  world.network.send(world.facts(phone), world.facts(till))
  await world.settle()
  await open(4_000)
})
afterEach(async () => {
  const evidence = await evidenceOf(world)
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 3, onProgress: () => undefined })
  expect(findings.filter(({ found }) => found > 0)).toEqual([])
})

async function open(ceiling: number): Promise<void> {
  const order = { choice: 'open', wallet: phone.ownerWallet, no: 1, currency: currency('XOF'), ceiling } as const
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const signed = { order: await signAllowanceOrder(phone, order), factsRev: 1 }
  const message = { kind: 'allowance_order', deviceId: phone.id, rev: 1, atMs: world.now, ...signed } as const
  world.network.send(sealSettleMessage(message, async () => keys))
  await world.settle()
}
const suspend = async () => {
  world.network.send(world.facts(phone, { rev: 2, status: 'suspended' }))
  await world.settle()
}
const signed = (amount: number, n: number, spent: number, no = 1) => {
  const initiatedAtMs = 1000 * Math.floor(world.now / 1000)
  const asked = till.payment({ sender: phone.ownerWallet, amount: amountMinor(amount), initiatedAtMs })
  const allowance = { no, ceiling: amountMinor(4_000) }
  return signedBy(phone, asked, { header: { covered: { n, spent: amountMinor(spent) } }, pass: { allowance } })
}
async function settled(...payments: ReturnType<typeof signed>[]): Promise<(string | undefined)[]> {
  world.network.send(world.admit(till, payments))
  await world.settle()
  const outcomes = world.network.outcomes(till.id)
  return payments.map(({ counter }) => {
    const outcome = outcomes.find((one) => one.counter === counter)
    return outcome?.reason ?? outcome?.status
  })
}
const funds = async () => {
  const { rows } = await db().app.query(
    'SELECT balance_minor, held_minor FROM wallet_core.balances WHERE wallet_id = $1',
    [phone.ownerWallet],
  )
  return [rows[0].balance_minor, rows[0].held_minor]
}

test('what is held for it is paid', async () => {
  const payment = signed(3_000, 1, 3_000)
  await suspend()
  expect(await settled(payment)).toEqual(['succeeded'])
  expect(await funds()).toEqual([7_000, 1_000])
})

test('what it signed beyond that, to several takers, has nothing of the rest of the wallet', async () => {
  const twice = [signed(3_000, 1, 3_000), signed(3_000, 1, 3_000), signed(1_000, 2, 4_000)]
  await suspend()
  expect(await settled(...twice)).toEqual(['succeeded', 'allowance_shortfall', 'succeeded'])
  expect(await funds()).toEqual([6_000, 0])
})

test('while it is active the rest of the wallet pays, too', async () => {
  expect(await settled(signed(3_000, 1, 3_000), signed(3_000, 1, 3_000))).toEqual(['succeeded', 'succeeded'])
  expect(await funds()).toEqual([4_000, 0])
})

test('under an allowance that there is not, a stopped phone says nothing', async () => {
  const payment = signed(500, 1, 500, 2)
  await suspend()
  expect(await settled(payment)).toEqual(['payer_not_proven'])
  expect(await funds()).toEqual([10_000, 4_000])
})

test('and what it signed without an allowance is nobody’s word', async () => {
  const initiatedAtMs = 1000 * Math.floor(world.now / 1000)
  const asked = till.payment({ sender: phone.ownerWallet, amount: amountMinor(500), initiatedAtMs })
  await suspend()
  expect(await settled(signedBy(phone, asked))).toEqual(['payer_not_proven'])
  expect(await funds()).toEqual([10_000, 4_000])
})
