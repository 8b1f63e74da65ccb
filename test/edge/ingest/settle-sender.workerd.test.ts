import { afterEach, expect, it, vi } from 'vitest'
import { sendToSettle, sendWaiting } from '../../../src/edge/ingest/settle-sender.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { parseSettleMessage, settleContent } from '../../../src/protocol/settle-codec.ts'
import { TestDevice } from '../../kit/device.ts'
import { keySet } from '../kit.ts'

/** Bundles of one isolate go to the settle queue together; whatever happens to a batch holds up no other. */
afterEach(async () => {
  vi.restoreAllMocks()
  await sendWaiting()
})

const device = await TestDevice.create()
const { bundle } = await device.bundle([device.payment()], await keySet())
const admitted = (bytes = bundle) => ({
  kind: 'bundle' as const,
  deviceId: deviceId('POS-1'),
  bundle: bytes,
  receipt: bundle,
})

function recorder(fails = false) {
  const batches: number[] = []
  const sent: Uint8Array[] = []
  const work: Promise<unknown>[] = []
  const sendBatch = async (messages: Iterable<MessageSendRequest<Uint8Array>>) => {
    const bodies = [...messages].map(({ body }) => body)
    batches.push(bodies.length)
    sent.push(...bodies)
    if (fails) throw new Error('the queue is down')
    return {} as QueueSendBatchResponse
  }
  return {
    batches,
    sent,
    work,
    to: { queue: { sendBatch }, waitUntil: (one: Promise<unknown>) => void work.push(one) },
  }
}

it('what comes within a moment is one batch, seen through by the first request', async () => {
  const { batches, sent, work, to } = recorder()
  for (let n = 0; n < 3; n++) sendToSettle(to, admitted())
  expect(batches).toEqual([])
  expect(work).toHaveLength(1)
  await Promise.all(work)
  expect(batches).toEqual([3])
  expect(sent.map((body) => parseSettleMessage(settleContent(body)))).toEqual(Array(3).fill(admitted()))
})

it('a batch takes a hundred messages, and no more bytes than a queue takes', async () => {
  const many = recorder()
  for (let n = 0; n < 101; n++) sendToSettle(many.to, admitted())
  await Promise.all(many.work)
  expect(many.batches).toEqual([100, 1])
  const large = recorder()
  for (let n = 0; n < 4; n++) sendToSettle(large.to, admitted(new Uint8Array(100_000)))
  await Promise.all(large.work)
  expect(large.batches).toEqual([2, 2])
})

it('a queue that is down fails nobody', async () => {
  const { batches, work, to } = recorder(true)
  sendToSettle(to, admitted())
  await expect(Promise.all(work)).resolves.toBeDefined()
  expect(batches).toEqual([1])
})

it('what a request left behind that was ended goes with the next push, a second later', async () => {
  const ended = recorder()
  vi.spyOn(scheduler, 'wait').mockReturnValueOnce(new Promise(() => {}))
  sendToSettle(ended.to, admitted())
  const { work, to } = recorder()
  sendToSettle(to, admitted())
  expect(work).toEqual([])
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1_001)
  sendToSettle(to, admitted())
  await Promise.all(work)
  // Its own queue is the same one in production.
  expect(ended.batches).toEqual([2])
})
