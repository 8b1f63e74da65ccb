import { BaseMessages } from 'cloudflare/resources/queues/messages'
import { createClient } from 'cloudflare/tree-shakable'
import type { Config } from '../config.ts'

/** A message of the settle queue, with its body as bytes. */
export interface PulledMessage {
  readonly leaseId: string
  readonly body: Uint8Array
}

/** The settle queue's pull side, through the official SDK. */
export interface SettleQueue {
  pull(): Promise<readonly PulledMessage[]>
  acknowledge(leaseIds: readonly string[]): Promise<void>
}

const BATCH_SIZE = 100
/** Long enough to write a batch; short enough that what a dead process held comes back soon. */
const VISIBILITY_TIMEOUT_MS = 30_000
const CALL_TIMEOUT_MS = 10_000

export function openQueue(
  config: Config['queue'],
  fetch: typeof globalThis.fetch,
  timeoutMs = CALL_TIMEOUT_MS,
): SettleQueue {
  const client = createClient({
    resources: [BaseMessages],
    apiToken: config.token,
    baseURL: config.apiUrl,
    // The SDK's own timeout ends when the head of an answer is there; this one covers its body too.
    fetch: (url, init = {}) => {
      const deadline = AbortSignal.timeout(timeoutMs)
      return fetch(url, { ...init, signal: init.signal ? AbortSignal.any([init.signal, deadline]) : deadline })
    },
    timeout: timeoutMs,
    // The loops around it try again, with their own pauses.
    maxRetries: 0,
    logLevel: 'off',
  })
  const account_id = config.accountId
  return {
    async pull() {
      const { messages = [] } = await client.queues.messages.pull(config.id, {
        account_id,
        batch_size: BATCH_SIZE,
        visibility_timeout_ms: VISIBILITY_TIMEOUT_MS,
      })
      return messages.map((message) => {
        if (message.lease_id === undefined) throw new Error('the queue gave a message without a lease')
        return { leaseId: message.lease_id, body: bytesOf(message) }
      })
    },
    async acknowledge(leaseIds) {
      const acks = leaseIds.map((lease_id) => ({ lease_id }))
      await client.queues.messages.ack(config.id, { account_id, acks })
    },
  }
}

/** Over HTTP, bodies of type `bytes` and `json` come as base64, `text` as it is. */
function bytesOf({ body = '', metadata }: { body?: string; metadata?: unknown }): Uint8Array {
  const type = (metadata as Record<string, unknown> | undefined)?.['CF-Content-Type']
  return new Uint8Array(Buffer.from(body, type === 'text' ? 'utf8' : 'base64'))
}
