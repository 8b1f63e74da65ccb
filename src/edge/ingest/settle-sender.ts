import type { BundleMessage } from '../../protocol/messages.ts'
import { encodeSettleMessage } from '../../protocol/settle-codec.ts'
import { logger } from '../log.ts'

/**
 * What admitted bundles owe the reconciler goes out together: one call to the queue for all that an isolate admits within
 * a moment, instead of one each. A message that is lost with the isolate is still owed by its object, which sends it again
 * (durable-objects/device/owed/delivery.ts).
 */
const WAIT_MS = 25
/** What a batch takes: 100 messages, 256 KB with what they are wrapped in. */
const MESSAGES_MAX = 100
const BYTES_MAX = 220_000
const LEFT_BEHIND_MS = 1_000

export interface SettleSender {
  readonly queue: Pick<Queue<Uint8Array>, 'sendBatch'>
  /** Of the request that brought the bundle: that of a batch's first sees the batch through. */
  readonly waitUntil: (work: Promise<unknown>) => void
}

interface Batch {
  readonly queue: SettleSender['queue']
  readonly messages: Uint8Array[]
  bytes: number
  readonly sinceMs: number
}
let waiting: Batch | undefined

/** Full, or left behind by a request that was ended before it could send. */
const isDue = ({ messages, bytes, sinceMs }: Batch, more: number): boolean =>
  messages.length >= MESSAGES_MAX || bytes + more > BYTES_MAX || Date.now() - sinceMs > LEFT_BEHIND_MS

export function sendToSettle({ queue, waitUntil }: SettleSender, admitted: BundleMessage): void {
  const message = encodeSettleMessage(admitted)
  if (waiting !== undefined && isDue(waiting, message.length)) waitUntil(sendWaiting())
  if (waiting === undefined) {
    waiting = { queue, messages: [], bytes: 0, sinceMs: Date.now() }
    waitUntil(scheduler.wait(WAIT_MS).then(sendWaiting))
  }
  waiting.messages.push(message)
  waiting.bytes += message.length
}

/** Sends what waits, now. Never fails: what the queue does not take stays owed. */
export async function sendWaiting(): Promise<void> {
  const batch = waiting
  waiting = undefined
  if (batch === undefined) return
  try {
    await batch.queue.sendBatch(batch.messages.map((body) => ({ body, contentType: 'bytes' })))
  } catch (error) {
    logger.warn('queue did not take messages; they stay owed', { failed: batch.messages.length, error })
  }
}
