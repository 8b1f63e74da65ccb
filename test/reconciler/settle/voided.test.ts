import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { TestDevice } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { expectSound } from '../faults/kit.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSound(db(), world))

async function setUp() {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  world.network.send(world.facts(device))
  return { device, payer, payment: device.payment({ sender: payer }) }
}
const VOID = { counter: 1, voided: true } as const
const settle = async (...messages: readonly Uint8Array[]) => {
  world.network.send(...messages)
  await world.settle()
}
const conflicts = async (device: TestDevice) => {
  const { rows } = await db().app.query(
    `SELECT counter, first_bundle_id <> other_bundle_id AS both, other_hash IS NULL AS voided FROM offline_conflicts
     WHERE device_id = $1`,
    [device.id],
  )
  return rows
}
const CONFLICT = [{ counter: 1, both: true, voided: true }]

test('a void for a number whose payment is posted is kept as a conflict, and the payment stands', async () => {
  const { device, payer, payment } = await setUp()
  await settle(await world.admit(device, [payment]))
  await settle(await world.admit(device, [VOID]))
  expect(await db().balance(payer)).toBe(7500)
  expect(await conflicts(device)).toEqual(CONFLICT)
})

test.each(['one by one', 'together'])(
  'a payment under a number that its device had voided waits for a person, with the conflict shown (%s)',
  async (how) => {
    const { device, payer, payment } = await setUp()
    const [voided, paid] = [await world.admit(device, [VOID]), await world.admit(device, [payment])]
    if (how === 'together') await settle(paid, voided)
    else {
      await settle(voided)
      await settle(paid)
    }
    expect(await db().balance(payer)).toBe(10_000)
    expect(world.network.outcomes(device.id)).toMatchObject([{ counter: 1, status: 'review', reason: 'duplicate' }])
    expect(await conflicts(device)).toEqual(CONFLICT)
  },
)

test('a void that overtakes the payment which its device made before it does not hold it back', async () => {
  const { device, payer, payment } = await setUp()
  const [paid, voided] = [await world.admit(device, [payment]), await world.admit(device, [VOID])]
  await settle(voided)
  await settle(paid)
  expect(await db().balance(payer)).toBe(7500)
  expect(await conflicts(device)).toEqual(CONFLICT)
})

test('a payment that the edge refused because its number was void is refused, with the conflict shown', async () => {
  const { device, payer, payment } = await setUp()
  await settle(await world.admit(device, [VOID]))
  await settle(await world.admit(device, [payment], [{ counter: 1, decision: 'refused', reason: 'duplicate' }]))
  expect(await db().balance(payer)).toBe(10_000)
  expect(await conflicts(device)).toEqual(CONFLICT)
})

test('a number that is void twice is no conflict', async () => {
  const { device } = await setUp()
  await settle(await world.admit(device, [VOID]))
  await settle(await world.admit(device, [VOID]))
  expect(await conflicts(device)).toEqual([])
})
