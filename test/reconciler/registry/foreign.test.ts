import { afterAll, beforeAll, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { call, tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

/** A device that an administrator of another tenant registered for a wallet: its own word is worth nothing. */
const db = useDatabase()
let world: World
let victim: string
let customer: TestDevice
beforeAll(async () => {
  world = await makeWorld(db())
  victim = newWallet()
  await db().open(victim, 1_000_000, { kind: 'merchant' })
  customer = await world.device('customer', 1_000_000)
  world.network.send(world.facts(customer))
  await world.settle()
})
afterAll(() => world.close())

/** Registered by `tenant` for the victim's wallet, unless told otherwise. */
async function outsider(tenant = 'autre', ownerWallet = victim): Promise<TestDevice> {
  const device = Object.assign(await TestDevice.create(), { ownerWallet })
  world.network.send(world.facts(device, { tenant, ownerWallet }))
  await world.settle()
  return device
}
async function settled(device: TestDevice, payment: Payment): Promise<string> {
  world.network.send(await world.admit(device, [payment]))
  await world.settle()
  const outcome = world.network.outcomes(device.id).find(({ counter }) => counter === payment.counter)
  return outcome?.reason ?? outcome?.status ?? 'waiting'
}
const TAKEN = amountMinor(1000)
const wrong = async () => {
  const { findings } = JSON.parse((await call(verify, ['--json'], world)).output)
  return findings.filter(({ found }: { found: number }) => found > 0).map(({ check }: { check: string }) => check)
}

test('nothing is taken out of the wallet by its word, however little', async () => {
  const device = await outsider()
  const payment = device.payment({
    type: 'p2p',
    sender: victim,
    receiver: customer.ownerWallet,
    amount: amountMinor(1),
  })
  expect(await settled(device, payment)).toBe('payer_not_proven')
  expect(await db().balance(victim)).toBe(1_000_000)
})

test('nothing is taken for it without the payer’s signature; with the signature it is', async () => {
  const device = await outsider()
  device.signsForPayers = false
  const unsigned = device.payment({ sender: customer.ownerWallet, receiver: victim, amount: TAKEN })
  expect(await settled(device, unsigned)).toBe('payer_not_proven')
  const asked = device.payment({ sender: customer.ownerWallet, receiver: victim, amount: TAKEN })
  const signed = signedBy(customer, asked)
  expect(await settled(device, signed)).toBe('succeeded')
})

test('its signature is no payer’s word for the wallet', async () => {
  const [device, till] = [await outsider(), await world.device()]
  world.network.send(world.facts(till))
  await world.settle()
  const asked = till.payment({ sender: victim, amount: amountMinor(50_000) })
  const signed = signedBy(device, asked)
  expect(await settled(till, signed)).toBe('payer_not_proven')
})

test('a device in the wallet’s tenant pays out of it', async () => {
  const device = await outsider('molam')
  const payment = device.payment({ type: 'p2p', sender: victim, receiver: customer.ownerWallet, amount: TAKEN })
  expect(await settled(device, payment)).toBe('succeeded')
})

test('a payment out of a wallet that was not there waits for people; another tenant opens it; approved, nothing moves', async () => {
  const wallet = newWallet()
  const device = await outsider('autre', wallet)
  const payment = device.payment({ type: 'p2p', sender: wallet, receiver: customer.ownerWallet, amount: TAKEN })
  const review = [{ counter: payment.counter, decision: 'review' as const, reason: 'risk_review' }]
  const made = await device.bundle([payment], world.keySet)
  world.network.send(await world.admitMade(made, [payment], { exceptions: review }))
  await world.settle()
  await db().open(wallet, 1_000_000)
  await world.settle()
  world.network.send(await world.review(made, 1, { [payment.counter]: 'approve' }))
  await world.settle()
  expect(world.network.outcomes(device.id).at(-1)).toMatchObject({ status: 'failed', reason: 'payer_not_proven' })
  expect(await db().balance(wallet)).toBe(1_000_000)
})

test('a payment to a wallet that is not there fails for that, and not for want of a signature', async () => {
  const device = await outsider('molam', newWallet())
  const payment = device.payment({ sender: customer.ownerWallet, receiver: device.ownerWallet, amount: TAKEN })
  expect(await settled(device, payment)).toBe('unknown_wallet')
})

test('all of that is sound; a debit by a foreign device’s word, or a wrong word to the edge, is found', async () => {
  expect(await wrong()).toEqual([])
  const moved = "SELECT device_id FROM offline_transactions WHERE status = 'succeeded' AND sender = "
  for (const [damage, undo, found] of [
    [
      `UPDATE offline_devices SET tenant = 'autre', wallet_state = 'foreign' WHERE device_id IN (${moved} '${victim}')`,
      `UPDATE offline_devices SET tenant = 'molam', wallet_state = 'known' WHERE device_id IN (${moved} '${victim}')`,
      ['debit_authority', 'bundle_evidence', 'device_evidence'],
    ],
    [
      `UPDATE offline_devices SET wallet_state = 'known' WHERE wallet_state = 'foreign'`,
      `UPDATE offline_devices SET wallet_state = 'foreign' WHERE tenant = 'autre'`,
      ['device_wallets'],
    ],
  ] as const) {
    await tamper(db().ownerUrl, damage)
    expect(await wrong(), damage).toEqual(found)
    await tamper(db().ownerUrl, undo)
  }
  expect(await wrong()).toEqual([])
})
