import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import type { IndexMessage } from '../../../src/edge/store/index-message.ts'
import worker from '../../../src/index.ts'
import { dumpReadModel, type Queues, recordQueues, sealedIndex, stubOf } from '../../durable-objects/device/kit.ts'
import { bindings, keySet, pushed, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { alarms } from './kit.ts'

/** Whoever can write to the index queue shows people nothing, and keeps nothing of ours from being shown. */
let queues: Queues
let device: TestDevice

beforeAll(async () => {
  queues = await recordQueues()
})
beforeEach(async () => {
  queues.clear()
  device = await registered()
  await pushed((await device.bundle([device.payment()], await keySet())).bundle)
  await stubOf(device).setStatus('suspended', { actor: 'user:awa' }, 'lost')
})

async function consume(bodies: readonly unknown[]) {
  const messages = bodies.map((body, at) => ({ id: `${at}`, timestamp: new Date(), attempts: 1, body }))
  const batch = createMessageBatch('molam-index', messages) as MessageBatch<IndexMessage>
  await worker.queue(batch, bindings)
  return getQueueResult(batch, createExecutionContext())
}

it.each<[string, (ours: IndexMessage) => unknown]>([
  ['has no MAC', ({ device }) => ({ device: { ...device, status: 'active', rev: 99 } })],
  ['is one of ours, with another status', (ours) => ({ ...ours, device: { ...ours.device, status: 'active' } })],
  ['is one of ours, with a rev that nothing overtakes', (ours) => ({ ...ours, device: { ...ours.device, rev: 1e9 } })],
  [
    'is one of ours, with a record of an act that nobody did',
    (ours) => ({ ...ours, audit: [...(ours.audit ?? []), {}] }),
  ],
  ['bears a MAC of his own', (ours) => ({ ...ours, mac: 'A'.repeat(43) })],
  ['is no message', () => 'x'],
  ['is nothing', () => null],
])('a message that %s is not written, counts an alarm, and holds up none of ours', async (_, change) => {
  const ours = queues.index.find(({ device }) => device?.status === 'suspended')
  if (ours === undefined) throw new Error('no message')
  const before = await dumpReadModel()
  const forged = change(ours)
  const count = await alarms('index_message', async () => {
    const { retryBatch, retryMessages, explicitAcks } = await consume([forged])
    expect([retryBatch.retry, retryMessages]).toEqual([false, []])
    expect(explicitAcks).toEqual([])
  })
  expect(count).toBe(1)
  expect(await dumpReadModel()).toBe(before)
  await consume([forged, ours, forged])
  const sql = 'SELECT status FROM offline_devices WHERE device_id = ?'
  expect(await bindings.DB.prepare(sql).bind(device.id).first()).toEqual({ status: 'suspended' })
})

it('one of ours is read as it was sent, whatever it holds', async () => {
  const count = await alarms('index_message', async () => {
    const { audit = [] } = queues.index.find(({ audit }) => audit !== undefined) ?? {}
    await consume([await sealedIndex({ audit }), await sealedIndex({}), ...queues.index])
  })
  expect(count).toBe(0)
})
