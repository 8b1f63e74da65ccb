import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { firstPolicy } from '../../../src/protocol/first-policies.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
let merchant: TestDevice
let payer: string
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
})
beforeEach(async () => {
  merchant = await world.device()
  world.network.send(world.facts(merchant))
  await world.settle()
})
afterAll(() => world.close())

const outcomes = () => world.network.outcomes(merchant.id).map(({ status, reason }) => reason ?? status)
const recorded = () =>
  world.network.confirmed.filter(({ kind, deviceId }) => kind === 'bundle_recorded' && deviceId === merchant.id)
const rowOf = async () => {
  const { rows } = await db().app.query(
    `SELECT status, waiting_for, attempts, failures, last_error FROM offline_sync_queue
     WHERE device_id = $1 AND kind = 'bundle' ORDER BY id DESC LIMIT 1`,
    [merchant.id],
  )
  return rows[0]
}
/** A payer with a phone of its own, which is not registered yet. */
async function phone(): Promise<TestDevice> {
  const device = await world.device('customer')
  await db().owner.query("SELECT wallet_core.fund($1, '{1}', ARRAY[$2], '{1000000}', 'XOF', now())", [
    device.id,
    device.ownerWallet,
  ])
  return device
}
async function authorised(by: TestDevice): Promise<Payment> {
  const payment = merchant.payment({ sender: by.ownerWallet, amount: amountMinor(40_000) })
  return signedBy(by, payment)
}
async function admit(payments: readonly Payment[], policyVersion = 1): Promise<void> {
  const made = await merchant.bundle(payments, world.keySet)
  world.network.send(await world.admitMade(made, payments, { policyVersion }))
}
let versions = 100
const newPolicy = (version: number) =>
  world.network.policies.set(`/internal/policies/BJ/${version}`, world.policy({ ...firstPolicy('BJ'), version }))

test('however long a bundle waited for its policy, it waits for a payer’s device all the same', async () => {
  const late = await phone()
  const version = ++versions
  await admit([await authorised(late)], version)
  await world.settle()
  world.now += 12 * 3_600_000
  await world.settle()
  newPolicy(version)
  await world.settle()
  expect(outcomes()).toEqual([])
  expect(await rowOf()).toMatchObject({ status: 'pending', waiting_for: 'payer_device' })
  world.network.send(world.facts(late))
  await world.settle()
  expect(outcomes()).toEqual(['succeeded'])
})

test('a payer’s device that is recorded makes its payments due at once', async () => {
  const late = await phone()
  await admit([await authorised(late)])
  for (let i = 0; i < 3; i++) await world.settle()
  const worker = await world.reconciler()
  await worker.once()
  world.network.send(world.facts(late))
  await worker.once()
  expect(outcomes()).toEqual(['succeeded'])
})

test('one of two payers’ devices that comes does not end the waiting for the other', async () => {
  const [first, second] = [await phone(), await phone()]
  await admit([await authorised(first), await authorised(second)])
  await world.settle()
  world.network.send(world.facts(first))
  await world.settle()
  expect(outcomes()).toEqual([])
  world.network.send(world.facts(second))
  await world.settle()
  expect(outcomes()).toEqual(['succeeded', 'succeeded'])
})

test('waiting is no attempt: what waited for long is not parked for its first failure', async () => {
  const version = ++versions
  await admit([merchant.payment({ sender: payer })], version)
  for (let i = 0; i < 5; i++) await world.settle()
  expect(await rowOf()).toEqual({
    status: 'pending',
    waiting_for: 'policy',
    attempts: 0,
    failures: 0,
    last_error: null,
  })
  newPolicy(version)
  await db().owner.query(`ALTER TABLE offline_transactions ADD CONSTRAINT no_m CHECK (device_id <> '${merchant.id}')`)
  await (await world.reconciler()).once()
  expect(await rowOf()).toMatchObject({ status: 'pending', failures: 1 })
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT no_m')
  await world.settle()
  expect(outcomes()).toEqual(['succeeded'])
})

test('the edge is told once that a bundle is here, however often it is looked at', async () => {
  const late = await phone()
  const version = ++versions
  await admit([await authorised(late)], version)
  for (let i = 0; i < 4; i++) await world.settle()
  newPolicy(version)
  for (let i = 0; i < 4; i++) await world.settle()
  expect(recorded()).toHaveLength(1)
})

test('a waiting that a clock of tomorrow began does not last until then', async () => {
  const unknown = await phone()
  await admit([await authorised(unknown)])
  world.now += 24 * 3_600_000
  await (await world.reconciler()).once()
  world.now -= 24 * 3_600_000
  await world.settle()
  world.now += 125 * 60_000
  await world.settle()
  expect(outcomes()).toEqual(['payer_not_proven'])
})
