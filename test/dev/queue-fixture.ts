import { fileURLToPath } from 'node:url'
import Cloudflare from 'cloudflare'
import { type Edge, startEdge } from '../../dev/workerd.ts'

export const QUEUE = 'molam-settle'
export const DEAD_LETTERS = 'molam-settle-dlq'
export const account_id = 'local'

const PRODUCER = fileURLToPath(new URL('producer/wrangler.toml', import.meta.url))
const PULL_API = fileURLToPath(new URL('../../dev/queue/wrangler.toml', import.meta.url))

/** A producer Worker, the local Queue and its pull API, driven with the SDK that the reconciler uses. */
export class QueueFixture {
  readonly edge: Edge
  readonly sdk: Cloudflare

  private constructor(edge: Edge) {
    this.edge = edge
    // Without the SDK's own retries: a test wants to see each answer.
    this.sdk = new Cloudflare({ apiToken: 'local', baseURL: `${edge.queueUrl}/client/v4`, maxRetries: 0 })
  }

  static async start(options: { persistTo?: string; queues?: object; log?: () => void } = {}): Promise<QueueFixture> {
    const { queues, ...rest } = options
    const edge = await startEdge({
      ...rest,
      configs: [PRODUCER, PULL_API],
      ...(queues === undefined ? {} : { queueVars: { QUEUES: queues as Record<string, never> } }),
    })
    return new QueueFixture(edge)
  }

  /** Sends through the producer's binding, and returns when the pull API holds the messages. */
  async send(body: BodyInit, type: 'text' | 'json' | 'bytes' = 'text', count = 1): Promise<void> {
    const { count: before } = await this.stats()
    await fetch(`${this.edge.url}/send?type=${type}&count=${count}`, { method: 'POST', body })
    while ((await this.stats()).count < before + count);
  }

  async pull(params: { batch_size?: number; visibility_timeout_ms?: number } = {}, queue = QUEUE) {
    const { messages, ...rest } = await this.sdk.queues.messages.pull(queue, { account_id, ...params })
    return { ...rest, messages: (messages ?? []) as Required<NonNullable<typeof messages>[number]>[] }
  }

  ack(leases: readonly string[], retries: readonly { lease_id: string; delay_seconds?: number }[] = [], queue = QUEUE) {
    const acks = leases.map((lease_id) => ({ lease_id }))
    return this.sdk.queues.messages.ack(queue, { account_id, acks, retries: [...retries] })
  }

  async stats(queue = QUEUE): Promise<{ count: number; bytes: number }> {
    return (await this.dev('GET', 'stats', queue)).result as { count: number; bytes: number }
  }

  async dev(method: 'GET' | 'POST' | 'PUT', action: string, queue = QUEUE, body?: object) {
    const response = await fetch(`${this.edge.queueUrl}/dev/queues/${queue}/${action}`, {
      method,
      headers: { authorization: 'Bearer local' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, ...((await response.json()) as { success: boolean; result: unknown }) }
  }

  /** An empty queue without faults, for the next test. */
  async reset(): Promise<void> {
    await this.dev('PUT', 'faults', QUEUE, {})
    await this.dev('POST', 'drop', QUEUE)
    await this.dev('POST', 'drop', DEAD_LETTERS)
  }
}
