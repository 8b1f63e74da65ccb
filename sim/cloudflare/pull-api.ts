import { failure, queueApi } from '../../dev/queue/api.ts'
import type { Pulled, Reply, Settled } from '../../dev/queue/broker.ts'
import { type Platform, partOf } from './platform.ts'
import type { Leased, SimulatedQueue } from './queue.ts'
import { pulledBody } from './queue-body.ts'

const ROUTE = /^\/client\/v4\/accounts\/[^/]+\/queues\/([^/]+)\/(messages\/(?:pull|ack))$/

/**
 * Cloudflare's pull API over simulated queues, for a client outside of Workers. The HTTP of it is that of dev/queue; the
 * token is not looked at.
 *
 * @param queues by their ids
 */
export function pullApi(
  queues: Readonly<Record<string, SimulatedQueue>>,
  platform: Platform,
): (request: Request) => Promise<Response> {
  const part = partOf(platform, 'pull')
  return async (request) => {
    const [, id = '', action = ''] = ROUTE.exec(new URL(request.url).pathname) ?? []
    const queue = Object.hasOwn(queues, id) ? queues[id] : undefined
    if (queue === undefined) return failure(404, 'No route for the URI', 7003)
    if (part.faults.strikes('queue_call_lost', id)) return failure(503, 'not available')
    const body = (await request.json()) as Record<string, unknown>
    const answer = await queueApi(brokerOf(queue), id, request.method, action, body)
    return part.faults.strikes('queue_answer_lost', id) ? failure(502, 'no answer') : answer
  }
}

/** The two calls of the local broker that pulling and acknowledging take. */
function brokerOf(queue: SimulatedQueue): Parameters<typeof queueApi>[0] {
  const broker = {
    async pull(_: string, count: number, leaseMs: number): Promise<Reply<Pulled>> {
      const messages = queue.lease(count, leaseMs).map(pulledMessage)
      const { backlogCount, backlogBytes, oldestMessageTimestamp } = queue.backlog()
      const oldestTimestampMs = oldestMessageTimestamp?.getTime() ?? 0
      return { ok: true, value: { messages, backlog: { count: backlogCount, bytes: backlogBytes, oldestTimestampMs } } }
    },
    async settle(
      _: string,
      acks: readonly unknown[],
      retries: readonly { readonly leaseId: unknown; readonly delayMs: number }[],
    ): Promise<Reply<Settled>> {
      const acknowledged = acks.filter((leaseId) => queue.acknowledge(String(leaseId)))
      const retried = retries.filter(({ leaseId, delayMs }) => queue.retry(String(leaseId), delayMs))
      return { ok: true, value: { ackCount: acknowledged.length, retryCount: retried.length, warnings: {} } }
    },
  }
  return broker as unknown as Parameters<typeof queueApi>[0]
}

function pulledMessage({ id, body, sentAtMs, attempts, leaseId }: Leased) {
  const stored = pulledBody(body)
  return {
    ...{ id, attempts, body: stored.body, timestamp_ms: Math.floor(sentAtMs), lease_id: leaseId },
    metadata: { 'CF-Content-Type': stored.contentType, 'CF-sourceMessageSource': 'worker' },
  }
}
