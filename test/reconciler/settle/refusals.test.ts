import { afterAll, beforeAll, expect, test } from 'vitest'
import { newSecrets } from '../../../dev/secrets.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { encodeSign1, parseSign1 } from '../../../src/protocol/cose.ts'
import type { SettleMessage } from '../../../src/protocol/messages.ts'
import { decodeReceipt, encodeReceipt } from '../../../src/protocol/receipt.ts'
import { encodeSettleMessage, parseSettleMessage } from '../../../src/protocol/settle-codec.ts'
import { randomBytes } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
let payer: string
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
})
afterAll(() => world.close())

const parked = async (deviceId: string) => {
  const { rows } = await db().app.query(
    "SELECT last_error FROM offline_sync_queue WHERE status = 'parked' AND device_id = $1 ORDER BY received_at, id",
    [deviceId],
  )
  return rows.map(({ last_error }) => last_error)
}
const changed = (message: Uint8Array, over: object) =>
  encodeSettleMessage({ ...parseSettleMessage(message), ...over } as SettleMessage)
const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
type Bundle = Extract<SettleMessage, { kind: 'bundle' }>

/** A registered device with one bundle on its way, and its message bent. */
async function refused(bend: (message: Uint8Array, parsed: Bundle) => Uint8Array | Promise<Uint8Array>) {
  const device = await world.device()
  const message = await world.admit(device, [device.payment({ sender: payer })])
  const before = await db().balance(payer)
  world.network.send(world.facts(device), await bend(message, parseSettleMessage(message) as Bundle))
  await world.settle()
  expect(await db().balance(payer)).toBe(before)
  expect(world.network.outcomes(device.id)).toEqual([])
  return parked(device.id)
}

test('a bundle whose signature does not hold is parked, with its bytes', async () => {
  expect(await refused((message, { bundle }) => changed(message, { bundle: flip(bundle, bundle.length - 1) }))).toEqual(
    ['invalid_signature'],
  )
})

test('a bundle signed with another device’s key is parked', async () => {
  const device = await world.device()
  const other = await world.device()
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  const forged = await device.sign(made.header, made.sealed, other.signer)
  world.network.send(world.facts(device), await world.admitMade(forged, payments))
  await world.settle()
  expect(await parked(device.id)).toEqual(['invalid_signature'])
})

test('an edge cannot invent a payment: without the device’s signature its receipt is worth nothing', async () => {
  const device = await world.device()
  const forger = await world.device()
  const payments = [device.payment({ sender: payer })]
  const made = await forger.bundle(payments, world.keySet, { deviceId: device.id, kid: device.kid })
  world.network.send(world.facts(device), await world.admitMade(made, payments))
  await world.settle()
  expect(await parked(device.id)).toEqual(['invalid_signature'])
})

test('a bundle with a receipt that is not the edge’s is parked', async () => {
  expect(
    await refused((message, { receipt }) => changed(message, { receipt: flip(receipt, receipt.length - 1) })),
  ).toEqual(['invalid_receipt'])
  expect(await refused((message) => changed(message, { receipt: randomBytes(50) }))).toEqual(['invalid_receipt'])
})

test('a receipt for other bytes is parked', async () => {
  for (const over of [{ digest: randomBytes(32) }, { seq: 7 }, { bundleId: randomBytes(16) }, { lastCounter: 9 }]) {
    const device = await world.device()
    const payments = [device.payment({ sender: payer })]
    const made = await device.bundle(payments, world.keySet)
    world.network.send(world.facts(device), await world.admitMade(made, payments, over))
    await world.settle()
    expect(await parked(device.id)).toEqual(['receipt_mismatch'])
  }
})

test('a bundle under another device’s name is parked', async () => {
  const other = await world.device()
  const device = await world.device()
  const message = await world.admit(device, [device.payment({ sender: payer })])
  world.network.send(world.facts(device), changed(message, { deviceId: other.id }))
  await world.settle()
  expect(await parked(other.id)).toEqual(['wrong_device'])
})

test('a bundle sealed to a key that the reconciler does not have is parked', async () => {
  const device = await world.device()
  const { EDGE_KEYS, KEY_WRAPPING_SECRET } = await newSecrets()
  const strangers = await (await localKeys(EDGE_KEYS, KEY_WRAPPING_SECRET)).keySet()
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, strangers)
  world.network.send(world.facts(device), await world.admitMade(made, payments))
  await world.settle()
  expect(await parked(device.id)).toEqual(['unknown_recipient_key'])
})

test('another bundle under a settled bundle’s id is parked and the first one stands', async () => {
  const device = await world.device()
  const first = [device.payment({ sender: payer })]
  const made = await device.bundle(first, world.keySet)
  world.network.send(world.facts(device), await world.admitMade(made, first))
  await world.settle()
  const second = [device.payment({ sender: payer })]
  const other = await device.bundle(second, world.keySet, { bundleId: made.header.bundleId })
  const before = await db().balance(payer)
  world.network.send(await world.admitMade(other, second))
  await world.settle()
  expect(await parked(device.id)).toEqual(['bundle_conflict'])
  expect(await db().balance(payer)).toBe(before)
  const { rows } = await db().app.query(
    "SELECT detail ->> 'fault' AS fault FROM offline_audit_logs WHERE device_id = $1 AND action = 'inbox_parked'",
    [device.id],
  )
  expect(rows).toEqual([{ fault: 'bundle_conflict' }])
})

test('a message that cannot be read is kept as it is, parked and acknowledged, and holds nothing up', async () => {
  const device = await world.device()
  const poison = randomBytes(40)
  const message = await world.admit(device, [device.payment({ sender: payer })])
  world.network.send(poison, new Uint8Array(), world.facts(device), poison, message)
  await world.settle()
  expect(world.network.queued).toBe(0)
  expect(world.network.outcomes(device.id)).toHaveLength(1)
  const { rows } = await db().app.query(
    "SELECT body, status FROM offline_sync_queue WHERE kind = 'unreadable' ORDER BY id",
  )
  expect(rows).toHaveLength(2)
  expect(rows.map(({ status }) => status)).toEqual(['parked', 'parked'])
  expect(rows.some(({ body }) => Buffer.compare(body, poison) === 0)).toBe(true)
})

test('a bundle under another country than its device’s is parked: its policy may allow what the device’s does not', async () => {
  const device = await world.device()
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  world.network.send(world.facts(device), await world.admitMade(made, payments, { country: 'SN' }))
  await world.settle()
  expect(await parked(device.id)).toEqual(['wrong_country'])
  expect(world.network.outcomes(device.id)).toEqual([])
})

test('nobody but the edge says under which policy a bundle was admitted: a changed receipt is never confirmed', async () => {
  const device = await world.device()
  const message = await world.admit(device, [device.payment({ sender: payer })])
  const { receipt } = parseSettleMessage(message) as Bundle
  const signed = parseSign1(receipt)
  const payload = encodeReceipt({ ...decodeReceipt(signed.payload), policyVersion: 999 })
  world.network.send(world.facts(device), changed(message, { receipt: encodeSign1({ ...signed, payload }) }))
  await world.settle()
  expect(await parked(device.id)).toEqual(['invalid_receipt'])
  expect(world.network.confirmed.filter(({ deviceId }) => deviceId === device.id)).toMatchObject([
    { kind: 'device_recorded' },
  ])
  world.network.send(message)
  await world.settle()
  expect(world.network.outcomes(device.id)).toMatchObject([{ status: 'succeeded' }])
})

test('facts of a device that contradict each other are parked', async () => {
  const [device, other] = [await world.device(), await world.device()]
  world.network.send(world.facts(device))
  await world.settle()
  world.network.send(world.facts(device, { ownerWallet: 'W-THIEF' }))
  await world.settle()
  expect(await parked(device.id)).toEqual(['device_conflict'])
  world.network.send(world.facts(device, { rev: 2, publicKey: other.signer.key.bytes }))
  await world.settle()
  expect(await parked(device.id)).toEqual(['device_conflict', 'invalid_key'])
  const { rows } = await db().app.query('SELECT owner_wallet, rev FROM offline_devices WHERE device_id = $1', [
    device.id,
  ])
  expect(rows).toEqual([{ owner_wallet: device.ownerWallet, rev: 1 }])
})

test('what is parked is on record: by its device, or as an unknown message', async () => {
  const device = await world.device()
  const message = await world.admit(device, [device.payment({ sender: payer })])
  const noise = randomBytes(30)
  world.network.send(world.facts(device), changed(message, { receipt: randomBytes(50) }), noise)
  await world.settle()
  world.network.send(noise)
  await world.settle()
  const { rows } = await db().app.query(
    `SELECT q.kind, l.actor, l.detail FROM offline_audit_logs l JOIN offline_sync_queue q ON q.id = (l.detail ->> 'inbox')::bigint
     WHERE l.action = 'inbox_parked' AND (l.device_id = $1 OR q.body = $2) ORDER BY q.kind`,
    [device.id, Buffer.from(noise)],
  )
  expect(rows).toMatchObject([
    { kind: 'bundle', actor: 'reconciler', detail: { kind: 'bundle', fault: 'invalid_receipt' } },
    { kind: 'unreadable', actor: 'reconciler', detail: { kind: 'unreadable' } },
  ])
})

test('one bundle that breaks the database’s rules does not take the others of its batch down', async () => {
  const [bad, good] = [await world.device(), await world.device()]
  // A payment’s row without a status: what a bug of ours would look like.
  await db().owner.query(`ALTER TABLE offline_transactions ADD CONSTRAINT no_bad CHECK (device_id <> '${bad.id}')`)
  const messages = [
    await world.admit(bad, [bad.payment({ sender: payer })]),
    await world.admit(good, [good.payment({ sender: payer })]),
  ]
  world.network.send(world.facts(bad), world.facts(good), ...messages)
  await world.settle()
  expect(world.network.outcomes(good.id)).toMatchObject([{ status: 'succeeded' }])
  for (let i = 0; i < 12; i++) await world.settle()
  expect(await parked(bad.id)).toEqual([expect.stringContaining('no_bad')])
})
