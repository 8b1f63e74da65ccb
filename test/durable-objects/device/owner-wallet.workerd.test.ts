import { beforeEach, expect, it } from 'vitest'
import { asPerson, bindings, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import {
  confirm,
  deliverIndex,
  describeDevice,
  dumpObject,
  lostQueues,
  type Queues,
  readNotice,
  select,
} from './kit.ts'

/** A device for a wallet that the ledger does not know: every payment would fail, so people and the device are told first. */
let queues: Queues
let device: TestDevice

beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

const say = (wallet: 'known' | 'unknown', rev = 1) =>
  confirm(device, [{ kind: 'device_recorded', deviceId: device.id, rev, wallet }], 'r-1')
const listed = async () => {
  await deliverIndex(queues)
  const answer = (await (await asPerson('GET', `/offline/devices/${device.id}`)).json()) as Record<string, unknown>
  const row = await bindings.DB.prepare(
    'SELECT owner_wallet_unknown AS unknown FROM offline_devices WHERE device_id = ?',
  )
    .bind(device.id)
    .first('unknown')
  return { answer: answer['owner_wallet_unknown'], row }
}
const audit = () => select(device, "SELECT actor, action FROM audit WHERE action LIKE 'owner_wallet%' ORDER BY id")

it('is shown to operators, in the read model and in each notice, and written down', async () => {
  expect(await listed()).toEqual({ answer: false, row: 0 })
  await say('unknown')
  expect(await listed()).toEqual({ answer: true, row: 1 })
  expect((await readNotice(device)).ownerWalletUnknown).toBe(true)
  expect((await readNotice(device, 0)).ownerWalletUnknown).toBe(true)
  expect(await audit()).toEqual([{ actor: 'reconciler', action: 'owner_wallet_unknown' }])
})

it('is over once the ledger knows it', async () => {
  await say('unknown')
  await say('known')
  expect(await listed()).toEqual({ answer: false, row: 0 })
  expect((await readNotice(device, 0)).ownerWalletUnknown).toBe(false)
  expect((await audit()).map(({ action }) => action)).toEqual(['owner_wallet_unknown', 'owner_wallet_known'])
})

it('said again it changes nothing, and a confirmation that does not say leaves it as it is', async () => {
  await say('unknown')
  await say('unknown', (await select<{ rev: number }>(device, 'SELECT rev FROM device'))[0]?.rev)
  const before = await dumpObject(device)
  await say('unknown')
  await confirm(device, [{ kind: 'device_recorded', deviceId: device.id, rev: 1 }])
  expect(await dumpObject(device)).toBe(before)
  expect((await describeDevice(device)).ownerWalletUnknown).toBe(true)
})
