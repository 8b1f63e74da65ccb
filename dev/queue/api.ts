import type { QueueBroker } from './broker.ts'
import { whole } from './faults.ts'
import { type IncomingMessage, jsonBody, textBody } from './message.ts'
import type { Backlog } from './store.ts'

/**
 * Cloudflare's Queues API as far as a consumer outside of Workers uses it. Shapes from the official SDK
 * (`cloudflare/resources/queues`), behaviour from
 * https://developers.cloudflare.com/queues/configuration/pull-consumers/: short polling, `batch_size` 5 up to 100,
 * `visibility_timeout_ms` 30 000 up to 12 hours, late acknowledgements accepted.
 */
const BATCH_SIZE_DEFAULT = 5
const BATCH_SIZE_MAX = 100
const VISIBILITY_DEFAULT_MS = 30_000
const VISIBILITY_MAX_MS = 12 * 3600 * 1000
/** https://developers.cloudflare.com/queues/platform/limits/: a message may be delayed by at most 24 hours. */
const DELAY_MAX_SECONDS = 24 * 3600
const MESSAGE_BYTES_MAX = 128_000

type Broker = DurableObjectStub<QueueBroker>
type Body = Readonly<Record<string, unknown>>

/** Answers `POST …/queues/:queue/<action>` for a caller whose token was checked. */
export async function queueApi(broker: Broker, queue: string, method: string, action: string, body: Body) {
  switch (`${method} ${action}`) {
    case 'POST messages/pull':
      return pull(broker, queue, body)
    case 'POST messages/ack':
      return ack(broker, queue, body)
    case 'POST messages':
      return push(broker, queue, [body], 0)
    case 'POST messages/batch':
      return push(broker, queue, list(body['messages']), body['delay_seconds'] ?? 0)
    case 'POST purge':
      if (body['delete_messages_permanently'] !== true) return failure(400, 'delete_messages_permanently must be true')
      await broker.purge(queue)
      return success({ queue_id: queue, queue_name: queue })
    case 'GET purge': {
      const at = await broker.purgedAtMs(queue)
      return success(at === undefined ? {} : { completed: 'true', started_at: new Date(at).toISOString() })
    }
    default:
      return failure(404, 'No route for the URI', 7003)
  }
}

async function pull(broker: Broker, queue: string, body: Body): Promise<Response> {
  const count = body['batch_size'] ?? BATCH_SIZE_DEFAULT
  const leaseMs = body['visibility_timeout_ms'] ?? VISIBILITY_DEFAULT_MS
  if (!whole(count, 1, BATCH_SIZE_MAX)) return failure(400, `batch_size must be 1 to ${BATCH_SIZE_MAX}`)
  if (!whole(leaseMs, 0, VISIBILITY_MAX_MS))
    return failure(400, `visibility_timeout_ms must be 0 to ${VISIBILITY_MAX_MS}`)
  const reply = await broker.pull(queue, count, leaseMs)
  if (!reply.ok) return failure(reply.status, 'made to fail by /dev')
  const { messages, backlog } = reply.value
  return success({ message_backlog_count: backlog.count, metadata: metrics(backlog), messages })
}

async function ack(broker: Broker, queue: string, body: Body): Promise<Response> {
  const retries = list(body['retries']).map((retry) => ({
    leaseId: retry['lease_id'],
    delaySeconds: retry['delay_seconds'] ?? 0,
  }))
  const delays = retries.map(({ leaseId, delaySeconds }) =>
    whole(delaySeconds, 0, DELAY_MAX_SECONDS) ? { leaseId, delayMs: delaySeconds * 1000 } : undefined,
  )
  if (delays.includes(undefined)) return failure(400, `delay_seconds must be 0 to ${DELAY_MAX_SECONDS}`)
  const reply = await broker.settle(
    queue,
    list(body['acks']).map((one) => one['lease_id']),
    delays.filter((delay) => delay !== undefined),
  )
  return reply.ok ? success(reply.value) : failure(reply.status, 'made to fail by /dev')
}

async function push(broker: Broker, queue: string, messages: readonly Body[], delay: unknown): Promise<Response> {
  const incoming: IncomingMessage[] = []
  for (const { body, content_type = 'json', delay_seconds = delay } of messages) {
    if (!whole(delay_seconds, 0, DELAY_MAX_SECONDS)) return failure(400, 'delay_seconds out of range')
    if (content_type === 'text' ? typeof body !== 'string' : content_type !== 'json' || body === undefined) {
      return failure(400, 'content_type must be "text" (with a string) or "json"')
    }
    const stored = content_type === 'text' ? textBody(body as string) : jsonBody(body)
    if (stored.size > MESSAGE_BYTES_MAX) return failure(413, `a message may have ${MESSAGE_BYTES_MAX} bytes`)
    const id = crypto.randomUUID().replaceAll('-', '')
    incoming.push({ ...stored, id, timestampMs: Date.now(), delayMs: delay_seconds * 1000 })
  }
  return success({ metadata: metrics(await broker.add(queue, incoming)) })
}

export function success(result: unknown): Response {
  return Response.json({ success: true, errors: [], messages: [], result })
}

/** The envelope of an error. Cloudflare documents no list of codes, so a client may go by the status only. */
export function failure(status: number, message: string, code = 10_000): Response {
  return Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status })
}

function metrics({ count, bytes, oldestTimestampMs }: Backlog) {
  return { metrics: { backlog_count: count, backlog_bytes: bytes, oldest_message_timestamp_ms: oldestTimestampMs } }
}

function list(value: unknown): Body[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : []
}
