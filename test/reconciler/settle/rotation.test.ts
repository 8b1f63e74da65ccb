import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSoundBook(db().app))

const funded = async (balance: number) => {
  const wallet = newWallet()
  await db().open(wallet, balance)
  return wallet
}
const statuses = (deviceId: string) => world.network.outcomes(deviceId).map(({ counter, status }) => [counter, status])

test('a bundle admitted before the device got a new key is verified with its old one', async () => {
  const [device, next, payer] = [await world.device(), await world.device(), await funded(10_000)]
  const message = await world.admit(device, [device.payment({ sender: payer })])
  const rotated = { rev: 2, kid: next.kid, publicKey: next.signer.key.bytes }
  // The newer facts come first, the older ones after them.
  world.network.send(world.facts(device, rotated))
  await world.settle()
  world.network.send(message, world.facts(device))
  await world.settle()
  expect(statuses(device.id)).toEqual([[1, 'succeeded']])
  const { rows } = await db().app.query('SELECT rev FROM offline_devices WHERE device_id = $1', [device.id])
  expect(rows).toEqual([{ rev: 2 }])
  expect(world.network.confirmed.at(-1)).not.toEqual({ kind: 'device_recorded', deviceId: device.id, rev: 1 })
})

test('a bundle of a lost key counts when it was admitted before the loss was told, and is parked when after', async () => {
  const [device, next, payer] = [await world.device(), await world.device(), await funded(10_000)]
  const payments = [device.payment({ sender: payer })]
  const before = await world.admit(device, payments)
  const key = { alg: -7, kid: device.kid, publicKey: device.signer.key.bytes, fate: 'revoked' } as const
  world.now += 60_000
  world.network.send(world.facts(device, { rev: 2, kid: next.kid, publicKey: next.signer.key.bytes, olderKeys: [key] }))
  await world.settle()
  const after = await world.admit(device, [device.payment({ sender: payer })])
  world.network.send(before, after)
  await world.settle()
  expect(statuses(device.id)).toEqual([[1, 'succeeded']])
  const { rows } = await db().app.query("SELECT last_error FROM offline_sync_queue WHERE status = 'parked'")
  expect(rows).toContainEqual({ last_error: 'key_revoked' })
})

test('a device that rotated before its first facts arrived brings its older keys along', async () => {
  const [device, next, payer] = [await world.device(), await world.device(), await funded(10_000)]
  const message = await world.admit(device, [device.payment({ sender: payer })])
  const olderKeys = [
    { alg: -7 as const, kid: device.kid, publicKey: device.signer.key.bytes, fate: 'replaced' as const },
  ]
  world.network.send(message)
  world.network.send(world.facts(device, { rev: 2, kid: next.kid, publicKey: next.signer.key.bytes, olderKeys }))
  await world.settle()
  expect(statuses(device.id)).toEqual([[1, 'succeeded']])
})
