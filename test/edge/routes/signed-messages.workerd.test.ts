import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { Delivery } from '../../../durable-objects/device/owed/delivery.ts'
import { readDevice } from '../../../durable-objects/device/sql/device-store.ts'
import { openSettleMessage } from '../../../src/crypto/settle-message.ts'
import type { TrustedKey } from '../../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { age, alarm, confirm, inObject, lostQueues, owed, putBindings } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { bindings, keySet, registered } from '../kit.ts'
import { admin, call, ok, pushPayments, reviewer } from './kit.ts'

/** What the edge tells the reconciler about devices and resolutions carries its signature. */
const sent: Uint8Array[] = []
let trusted: readonly TrustedKey[]
let device: TestDevice
let queues: Awaited<ReturnType<typeof lostQueues>>

beforeEach(async () => {
  sent.length = 0
  const keys = (await keySet()).keys.filter(({ use }) => use === 'receipt')
  trusted = await Promise.all(
    keys.map(async ({ kid, publicKey: bytes }) => ({
      ...{ kid, alg: -7 },
      verifier: await webCryptoSuite.verifier({ alg: -7, bytes }),
    })),
  )
  queues = await lostQueues()
  const send = async (body: Uint8Array) => void sent.push(new Uint8Array(body))
  const sendBatch = async (all: readonly { body: Uint8Array }[]) =>
    void (await Promise.all(all.map(({ body }) => send(body))))
  onTestFinished(await putBindings({ SETTLE_QUEUE: { send, sendBatch } as never }))
  device = await registered()
})

/** Kinds of what was sent about the device, each of which the reconciler would obey. */
async function kinds() {
  const opened = await Promise.all(sent.map((body) => openSettleMessage(body, trusted)))
  return opened.flatMap((message) => {
    if (!message.ok) return [message.error.fault]
    return message.value.deviceId === device.id ? [message.value.kind] : []
  })
}

it('a registration, a review, a reversal and a suspension are signed, a bundle bears its own signatures', async () => {
  const early = { initiatedAtMs: Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000 }
  const made = await pushPayments(device, [device.payment(early), device.payment()], queues)
  const path = `/offline/bundles/${ulidText(made.header.bundleId)}/review`
  await ok(call(reviewer, 'POST', path, { choice: 'approve', payments: [1], reason: 'called the shop' }))
  const about = { deviceId: device.id, bundleId: made.header.bundleId, seq: 1, rev: 1 }
  await confirm(device, [
    { kind: 'bundle_settled', ...about, outcomes: [{ counter: 2, status: 'succeeded', atMs: 1 }] },
  ])
  await ok(call(reviewer, 'POST', `/offline/transactions/${device.id}/2/reverse`, { reason: 'service_not_rendered' }))
  await ok(call(admin, 'POST', `/offline/devices/${device.id}/suspend`, { reason: 'lost' }))
  expect(await kinds()).toEqual(['device', 'bundle', 'review', 'reversal', 'device'])
})

it('sent again by the alarm it is signed as well', async () => {
  sent.length = 0
  await age(device, 10_000)
  await alarm(device)
  expect(await kinds()).toEqual(['device'])
})

it('without a key to sign with nothing goes out, and it stays owed until there is one', async () => {
  sent.length = 0
  await inObject(device, (state) => {
    const delivery = new Delivery(state, { ...bindings, EDGE_KEYS: '{}', SETTLE_QUEUE: { send: never } } as never)
    delivery.sendDevice(readDevice(state.storage.sql), [])
  })
  expect(await owed(device)).toMatchObject({ settle: 1 })
  await age(device, 10_000)
  await alarm(device)
  expect(await kinds()).toEqual(['device'])
})

async function never(): Promise<void> {
  sent.push(new Uint8Array([0]))
}
