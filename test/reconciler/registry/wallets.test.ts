import { afterAll, beforeAll, expect, test } from 'vitest'
import { status } from '../../../reconciler/commands/status.ts'
import { newMetrics } from '../../../reconciler/metrics.ts'
import { TestDevice } from '../../kit/device.ts'
import { call } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { expectSound } from '../faults/kit.ts'
import { makeWorld, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

/** What the edge was told last of the device's wallet. */
const told = (deviceId: string) =>
  world.network.confirmed.flatMap((one) =>
    one.kind === 'device_recorded' && one.deviceId === deviceId ? [one.wallet] : [],
  )
const shown = async () => (await call(status, [], world)).output
const metric = async () =>
  (await newMetrics(db().app, () => world.now).expose()).match(/offline_devices_without_wallet (\d)/)?.[1]
const once = async () => (await world.reconciler()).once()

test('a device whose wallet the ledger does not know is told so with its registration, and again when it is opened', async () => {
  const device = await TestDevice.create()
  world.network.send(world.facts(device))
  await once()
  expect(told(device.id)).toEqual(['unknown'])
  expect(await shown()).toContain(
    'devices  1 in use whose wallet the ledger does not know, 0 whose wallet is another tenant’s',
  )
  expect(await metric()).toBe('1')

  // Nothing new, nothing told.
  await once()
  expect(told(device.id)).toEqual(['unknown'])
  await db().open(device.ownerWallet)
  await once()
  expect(told(device.id)).toEqual(['unknown', 'known'])
  await once()
  expect(told(device.id)).toEqual(['unknown', 'known'])
  expect(await shown()).toContain('devices  0 in use')
  expect(await metric()).toBe('0')
  await expectSound(db(), world)
})

test('a device that is registered for a wallet of the ledger is told that it is known', async () => {
  const device = await world.device()
  world.network.send(world.facts(device))
  await once()
  expect(told(device.id)).toEqual(['known'])
})

test('a system account is no wallet of a device', async () => {
  const device = await TestDevice.create()
  world.network.send(world.facts(device, { ownerWallet: 'system:treasury:XOF' }))
  await db().open('W-any', 1)
  await once()
  expect(told(device.id)).toEqual(['unknown'])
})

test('a device that changes to a wallet which is missing is told so', async () => {
  const device = await world.device()
  world.network.send(world.facts(device))
  await once()
  world.network.send(world.facts(device, { rev: 2, ownerWallet: 'W-missing' }))
  await once()
  expect(told(device.id)).toEqual(['known', 'unknown'])
})

test('a device whose wallet another tenant opened is told so within the round, also when it is opened later', async () => {
  const [there, later] = [await TestDevice.create(), await TestDevice.create()]
  await db().open(there.ownerWallet, 0, { tenant: 'autre' })
  world.network.send(world.facts(there), world.facts(later))
  await once()
  expect([told(there.id), told(later.id)]).toEqual([['foreign'], ['unknown']])
  await db().open(later.ownerWallet, 0, { tenant: 'autre' })
  await once()
  expect(told(later.id)).toEqual(['unknown', 'foreign'])
  expect(await shown()).toContain('2 whose wallet is another tenant’s')
  const { rows } = await db().app.query(
    "SELECT action, detail ->> 'wallet' AS wallet FROM offline_audit_logs WHERE device_id = $1 ORDER BY seq",
    [later.id],
  )
  expect(rows).toEqual([
    { action: 'device_recorded', wallet: 'unknown' },
    { action: 'wallet_opened', wallet: 'foreign' },
  ])
  // Registered in the wallet's own tenant, it is known.
  world.network.send(world.facts(later, { rev: 2, tenant: 'autre' }))
  await once()
  expect(told(later.id)).toEqual(['unknown', 'foreign', 'known'])
  await expectSound(db(), world)
})
