import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { account_id, DEAD_LETTERS, QUEUE, QueueFixture } from './queue-fixture.ts'

let queue: QueueFixture

beforeAll(async () => {
  queue = await QueueFixture.start({
    queues: {
      [QUEUE]: { max_retries: 2, dead_letter_queue: DEAD_LETTERS },
      [DEAD_LETTERS]: {},
      'no-dlq': { max_retries: 0 },
    },
  })
})
beforeEach(() => queue.reset())
afterAll(() => queue.edge.dispose())

describe('pull', () => {
  test('an empty queue answers at once with an empty list', async () => {
    const { messages, message_backlog_count } = await queue.pull()
    expect(messages).toEqual([])
    expect(message_backlog_count).toBe(0)
  })

  test('a message keeps its id, time and body, and is counted as delivered once', async () => {
    const before = Date.now()
    await queue.send('hello')
    const { messages, message_backlog_count, metadata } = await queue.pull()
    const [message] = messages
    expect(message).toMatchObject({ body: 'hello', attempts: 1 })
    expect(message?.id).toMatch(/^[0-9a-f]{32}$/)
    expect(message?.timestamp_ms).toBeGreaterThanOrEqual(before)
    expect(message?.timestamp_ms).toBeLessThanOrEqual(Date.now())
    expect(message_backlog_count).toBe(1)
    expect(metadata?.metrics).toEqual({
      backlog_count: 1,
      backlog_bytes: 5,
      oldest_message_timestamp_ms: message?.timestamp_ms,
    })
  })

  test('bytes and json arrive as base64, text as it is, each with its content type', async () => {
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    await queue.send(every, 'bytes')
    await queue.send('{"n":1,"s":"é"}', 'json')
    await queue.send('é\n', 'text')
    const { messages } = await queue.pull()
    const [bytes, json, text] = messages
    expect(Buffer.from(bytes?.body ?? '', 'base64')).toEqual(Buffer.from(every))
    expect(JSON.parse(Buffer.from(json?.body ?? '', 'base64').toString())).toEqual({ n: 1, s: 'é' })
    expect(text?.body).toBe('é\n')
    expect(messages.map((message) => message.metadata)).toEqual(
      ['bytes', 'json', 'text'].map((type) => ({ 'CF-Content-Type': type, 'CF-sourceMessageSource': 'worker' })),
    )
  })

  test('a body of 64 KiB of bytes arrives whole', async () => {
    const large = new Uint8Array(65_536).map((_, at) => (at * 31) % 251)
    await queue.send(large, 'bytes')
    const [message] = (await queue.pull()).messages
    expect(Buffer.from(message?.body ?? '', 'base64').equals(large)).toBe(true)
  })

  test('a batch has 5 messages unless asked, and 100 at most', async () => {
    await queue.send('x', 'text', 100)
    await queue.send('x', 'text', 20)
    expect((await queue.pull({ visibility_timeout_ms: 0 })).messages).toHaveLength(5)
    expect((await queue.pull({ batch_size: 100, visibility_timeout_ms: 0 })).messages).toHaveLength(100)
    await expect(queue.pull({ batch_size: 101 })).rejects.toMatchObject({ status: 400 })
    await expect(queue.pull({ batch_size: 0 })).rejects.toMatchObject({ status: 400 })
  })

  test('messages come in the order in which they were sent', async () => {
    for (const body of ['1', '2', '3']) await queue.send(body)
    expect((await queue.pull()).messages.map((message) => message.body)).toEqual(['1', '2', '3'])
  })

  test('a visibility timeout above 12 hours is refused', async () => {
    await expect(queue.pull({ visibility_timeout_ms: 12 * 3600 * 1000 + 1 })).rejects.toMatchObject({ status: 400 })
    await expect(queue.pull({ visibility_timeout_ms: 12 * 3600 * 1000 })).resolves.toBeDefined()
  })
})

describe('leases', () => {
  test('a leased message is not delivered to anybody else', async () => {
    await queue.send('x', 'text', 3)
    const pulls = await Promise.all([1, 2, 3, 4].map(() => queue.pull({ batch_size: 1 })))
    const ids = pulls.flatMap(({ messages }) => messages.map(({ id }) => id))
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(3)
  })

  test('when its lease runs out the message is delivered again, with its attempts counted and a new lease', async () => {
    await queue.send('x')
    const [first] = (await queue.pull({ visibility_timeout_ms: 60_000 })).messages
    expect((await queue.pull()).messages).toEqual([])
    await queue.dev('POST', 'expire')
    const [second] = (await queue.pull()).messages
    expect(second).toMatchObject({ id: first?.id, attempts: 2 })
    expect(second?.lease_id).not.toBe(first?.lease_id)
  })

  test('the visibility timeout that was asked for is the one that holds', async () => {
    await queue.send('x')
    const before = Date.now()
    await queue.pull({ visibility_timeout_ms: 150 })
    let again = (await queue.pull({ visibility_timeout_ms: 150 })).messages
    while (again.length === 0) again = (await queue.pull({ visibility_timeout_ms: 150 })).messages
    expect(Date.now() - before).toBeGreaterThanOrEqual(150)
    expect(again).toMatchObject([{ attempts: 2 }])
  })

  test('an acknowledged message never comes back', async () => {
    await queue.send('x', 'text', 2)
    const [one, two] = (await queue.pull()).messages
    expect(await queue.ack([one?.lease_id ?? ''])).toEqual({ ackCount: 1, retryCount: 0, warnings: {} })
    await queue.dev('POST', 'expire')
    expect((await queue.pull()).messages).toMatchObject([{ id: two?.id }])
  })

  test('an expired lease still acknowledges, even after the message went to somebody else', async () => {
    await queue.send('x')
    const [first] = (await queue.pull({ visibility_timeout_ms: 0 })).messages
    const [second] = (await queue.pull()).messages
    expect(second?.id).toBe(first?.id)
    expect(await queue.ack([first?.lease_id ?? ''])).toMatchObject({ ackCount: 1 })
    expect((await queue.stats()).count).toBe(0)
    const late = await queue.ack([second?.lease_id ?? ''])
    expect(late).toMatchObject({ ackCount: 0 })
    expect(Object.keys(late.warnings ?? {})).toEqual([second?.lease_id])
  })

  test('a lease that was made up, or is of another queue, does nothing but warn', async () => {
    await queue.send('x')
    const [message] = (await queue.pull()).messages
    const lease = message?.lease_id ?? ''
    const forged = btoa(`1.1.${'0'.repeat(32)}`).replace(/=+$/, '')
    const answer = await queue.ack([forged, 'nonsense', `${lease}x`], [{ lease_id: forged }])
    expect(answer).toMatchObject({ ackCount: 0, retryCount: 0 })
    expect(Object.keys(answer.warnings ?? {}).sort()).toEqual([forged, 'nonsense', `${lease}x`].sort())
    expect(await queue.ack([lease], [], DEAD_LETTERS)).toMatchObject({ ackCount: 0 })
    expect(await queue.ack([lease])).toMatchObject({ ackCount: 1 })
  })
})

describe('retries', () => {
  test('a retried message is delivered again at once', async () => {
    await queue.send('x')
    const [first] = (await queue.pull()).messages
    expect(await queue.ack([], [{ lease_id: first?.lease_id ?? '' }])).toMatchObject({ ackCount: 0, retryCount: 1 })
    expect((await queue.pull()).messages).toMatchObject([{ id: first?.id, attempts: 2 }])
  })

  test('a delayed retry stays away for its delay', async () => {
    await queue.send('x')
    const [first] = (await queue.pull()).messages
    const before = Date.now()
    await queue.ack([], [{ lease_id: first?.lease_id ?? '', delay_seconds: 1 }])
    let again = (await queue.pull()).messages
    expect(again).toEqual([])
    while (again.length === 0) again = (await queue.pull()).messages
    expect(Date.now() - before).toBeGreaterThanOrEqual(1000)
    expect(again).toMatchObject([{ id: first?.id, attempts: 2 }])
  })

  test('an older lease cannot take a message away from whoever holds it now', async () => {
    await queue.send('x')
    const [first] = (await queue.pull({ visibility_timeout_ms: 0 })).messages
    await queue.pull()
    expect(await queue.ack([], [{ lease_id: first?.lease_id ?? '' }])).toMatchObject({ retryCount: 0 })
    expect((await queue.pull()).messages).toEqual([])
  })

  test('after its retries a message is found in the dead letter queue, under its own id', async () => {
    await queue.send('x')
    const ids: string[] = []
    for (const attempts of [1, 2, 3]) {
      const [message] = (await queue.pull()).messages
      expect(message?.attempts).toBe(attempts)
      ids.push(message?.id ?? '')
      await queue.ack([], [{ lease_id: message?.lease_id ?? '' }])
    }
    expect((await queue.pull()).messages).toEqual([])
    expect((await queue.pull({}, DEAD_LETTERS)).messages).toMatchObject([{ id: ids[0], body: 'x', attempts: 1 }])
  })

  test('a message whose last lease runs out goes to the dead letter queue too, and the next one is delivered', async () => {
    await queue.send('poison')
    for (let delivery = 0; delivery < 3; delivery++) await queue.pull({ batch_size: 1, visibility_timeout_ms: 0 })
    await queue.send('fine')
    expect((await queue.pull({ batch_size: 1 })).messages).toMatchObject([{ body: 'fine' }])
    expect((await queue.pull({}, DEAD_LETTERS)).messages).toMatchObject([{ body: 'poison' }])
  })

  test('without a dead letter queue a message is deleted after its retries', async () => {
    await queue.sdk.queues.messages.push('no-dlq', { account_id, body: 'x', content_type: 'text' })
    expect((await queue.pull({ visibility_timeout_ms: 0 }, 'no-dlq')).messages).toMatchObject([{ attempts: 1 }])
    expect((await queue.pull({}, 'no-dlq')).messages).toEqual([])
    expect((await queue.stats('no-dlq')).count).toBe(0)
  })
})

describe('push and purge', () => {
  test('messages pushed over HTTP are delivered, each with its own content type and delay', async () => {
    const pushed = await queue.sdk.queues.messages.bulkPush(QUEUE, {
      account_id,
      messages: [
        { body: 'text', content_type: 'text' },
        { body: { n: 1 }, content_type: 'json' },
        { body: 'later', content_type: 'text', delay_seconds: 3600 },
      ],
    })
    expect(pushed.metadata?.metrics?.backlog_count).toBe(3)
    const { messages } = await queue.pull()
    expect(messages.map(({ body }) => body)).toEqual(['text', Buffer.from('{"n":1}').toString('base64')])
  })

  test('a purge deletes what waits and what is leased', async () => {
    await queue.send('x', 'text', 3)
    await queue.pull({ batch_size: 1 })
    await queue.sdk.queues.purge.start(QUEUE, { account_id, delete_messages_permanently: true })
    expect(await queue.sdk.queues.purge.status(QUEUE, { account_id })).toMatchObject({ completed: 'true' })
    await queue.dev('POST', 'expire')
    expect((await queue.pull()).messages).toEqual([])
    expect((await queue.pull()).message_backlog_count).toBe(0)
  })
})

describe('refusals', () => {
  test('a call without the token changes nothing and says 401 in the envelope of the real API', async () => {
    await queue.send('x')
    const path = `${queue.edge.queueUrl}/client/v4/accounts/local/queues/${QUEUE}/messages/pull`
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const response = await fetch(path, { method: 'POST', headers, body: '{}' })
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ success: false, errors: [{ code: expect.any(Number) }] })
    }
    expect((await queue.pull()).messages).toMatchObject([{ attempts: 1 }])
  })

  test('an unknown queue, account or path is 404', async () => {
    await expect(queue.pull({}, 'other')).rejects.toMatchObject({ status: 404 })
    await expect(queue.pull({}, 'toString')).rejects.toMatchObject({ status: 404 })
    await expect(queue.sdk.queues.messages.pull(QUEUE, { account_id: 'other' })).rejects.toMatchObject({ status: 404 })
    await expect(queue.sdk.queues.messages.peek(QUEUE, { account_id })).rejects.toMatchObject({ status: 404 })
  })
})
