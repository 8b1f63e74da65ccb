import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Cloudflare from 'cloudflare'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { account_id, QUEUE, QueueFixture } from './queue-fixture.ts'

let queue: QueueFixture

beforeAll(async () => {
  queue = await QueueFixture.start()
})
beforeEach(() => queue.reset())
afterAll(() => queue.edge.dispose())

test('copies: every message is delivered so often, each copy with its own lease', async () => {
  await queue.dev('PUT', 'faults', QUEUE, { copies: 2 })
  await fetch(`${queue.edge.url}/send?count=3`, { method: 'POST', body: 'x' })
  while ((await queue.stats()).count < 6);
  const { messages } = await queue.pull({ batch_size: 100 })
  expect(messages).toHaveLength(6)
  expect(new Set(messages.map(({ id }) => id)).size).toBe(3)
  expect(new Set(messages.map(({ lease_id }) => lease_id)).size).toBe(6)
})

test('shuffle: another order than that of sending, and the same one for the same seed', async () => {
  const sent = Array.from({ length: 20 }, (_, at) => String(at))
  for (const body of sent) await queue.send(body)
  const order = async (shuffleSeed: number) => {
    await queue.dev('PUT', 'faults', QUEUE, { shuffleSeed })
    return (await queue.pull({ batch_size: 100, visibility_timeout_ms: 0 })).messages.map(({ body }) => body)
  }
  const [first, same, other] = [await order(1), await order(1), await order(99)]
  expect(first).not.toEqual(sent)
  expect(first).toEqual(same)
  expect(other).not.toEqual(first)
  expect([...first].sort()).toEqual([...sent].sort())
})

test('lose: what arrives is gone, and later messages are kept again', async () => {
  await queue.dev('PUT', 'faults', QUEUE, { lose: true })
  await queue.sdk.queues.messages.push(QUEUE, { account_id, body: 'lost', content_type: 'text' })
  await queue.dev('PUT', 'faults', QUEUE, {})
  await queue.send('kept')
  expect((await queue.pull()).messages).toMatchObject([{ body: 'kept' }])
})

test('drop: everything held is gone, leased or not', async () => {
  await queue.send('x', 'text', 4)
  const [message] = (await queue.pull({ batch_size: 1 })).messages
  expect(await queue.dev('POST', 'drop')).toMatchObject({ status: 200, result: { dropped: 4 } })
  expect((await queue.pull()).messages).toEqual([])
  expect(await queue.ack([message?.lease_id ?? ''])).toMatchObject({ ackCount: 0 })
})

test.each([429, 500])('fail: the next calls answer %i and do nothing; the SDK retries through it', async (status) => {
  await queue.send('x')
  await queue.dev('PUT', 'faults', QUEUE, { fail: { calls: 2, status } })
  await expect(queue.pull()).rejects.toMatchObject({ status })
  const sdk = new Cloudflare({ apiToken: 'local', baseURL: `${queue.edge.queueUrl}/client/v4`, maxRetries: 1 })
  expect((await sdk.queues.messages.pull(QUEUE, { account_id })).messages).toMatchObject([{ attempts: 1 }])
})

test('fail afterwards: the call did its work although it says that it failed', async () => {
  await queue.send('x')
  const [message] = (await queue.pull()).messages
  await queue.dev('PUT', 'faults', QUEUE, { fail: { calls: 1, status: 503, afterwards: true } })
  await expect(queue.ack([message?.lease_id ?? ''])).rejects.toMatchObject({ status: 503 })
  expect((await queue.stats()).count).toBe(0)
})

test('a set of faults that makes no sense is refused and changes nothing', async () => {
  await queue.dev('PUT', 'faults', QUEUE, { copies: 3 })
  for (const faults of [{ copies: 0 }, { copies: 'many' }, { lose: 1 }, { fail: { calls: 1 } }, { unknown: true }]) {
    expect((await queue.dev('PUT', 'faults', QUEUE, faults)).status).toBe(400)
  }
  expect((await queue.dev('GET', 'faults')).result).toMatchObject({ copies: 3 })
})

test('what was pulled or waits survives a restart of the runtime', async () => {
  const persistTo = await mkdtemp(join(tmpdir(), 'molam-queue-'))
  const before = await QueueFixture.start({ persistTo })
  await before.send('leased')
  const [leased] = (await before.pull({ visibility_timeout_ms: 60_000 })).messages
  await before.send('waiting')
  await before.edge.dispose()
  const after = await QueueFixture.start({ persistTo })
  try {
    expect((await after.pull()).messages).toMatchObject([{ body: 'waiting', attempts: 1 }])
    expect(await after.ack([leased?.lease_id ?? ''])).toMatchObject({ ackCount: 1 })
  } finally {
    await after.edge.dispose()
    await rm(persistTo, { recursive: true })
  }
})
