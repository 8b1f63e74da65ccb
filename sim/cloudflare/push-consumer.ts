import type { Waiting } from '../time/scheduler.ts'
import { IsolateGone } from './life.ts'
import { type Platform, partOf } from './platform.ts'
import type { Leased, SimulatedQueue } from './queue.ts'
import { pushedBody } from './queue-body.ts'

/** What wrangler.toml says of a consumer. */
export interface ConsumerSettings {
  readonly batchMax: number
  readonly batchTimeoutMs: number
  readonly concurrencyMax: number
}

/** A batch's handler may run for 15 minutes; what a dead one held comes again then. */
const LEASE_MS = 15 * 60_000

/** What became of a message in its handler. */
type Verdict = { readonly kind: 'acknowledged' } | { readonly kind: 'retried'; readonly delayMs: number }

export interface PushedMessage {
  readonly id: string
  readonly timestamp: Date
  readonly body: unknown
  readonly attempts: number
  ack(): void
  retry(options?: { readonly delaySeconds?: number }): void
}

export interface PushedBatch {
  readonly queue: string
  readonly messages: readonly PushedMessage[]
  ackAll(): void
  retryAll(options?: { readonly delaySeconds?: number }): void
}

/**
 * Pushes a queue's messages to the Worker in batches. A batch whose handler returns is acknowledged, but for what it gave
 * back; one whose handler throws, or dies, comes again, but for what it acknowledged by itself.
 */
export class PushConsumer {
  readonly #queue: SimulatedQueue
  readonly #settings: ConsumerSettings
  readonly #platform: Platform
  readonly #handle: (batch: PushedBatch) => Promise<void>
  #planned: { readonly atMs: number; readonly waiting: Waiting } | undefined
  #running = 0

  constructor(
    queue: SimulatedQueue,
    settings: ConsumerSettings,
    platform: Platform,
    handle: (batch: PushedBatch) => Promise<void>,
  ) {
    this.#queue = queue
    this.#settings = settings
    this.#platform = partOf(platform, `${queue.name} consumer`)
    this.#handle = handle
    queue.onChange(() => this.#plan())
  }

  #plan(): void {
    const { nextAtMs } = this.#queue
    if (nextAtMs === undefined || this.#running >= this.#settings.concurrencyMax) return
    const { scheduler, random } = this.#platform
    // What comes while a batch fills goes with it.
    const fillMs = random.next() * this.#settings.batchTimeoutMs
    const atMs = Math.max(nextAtMs, scheduler.nowMs) + fillMs
    if (this.#planned !== undefined && this.#planned.atMs <= atMs) return
    this.#planned?.waiting.cancel()
    this.#planned = { atMs, waiting: scheduler.after(atMs - scheduler.nowMs, () => void this.#take()) }
  }

  async #take(): Promise<void> {
    this.#planned = undefined
    const leased = this.#queue.lease(this.#settings.batchMax, LEASE_MS)
    if (leased.length > 0) {
      this.#running++
      this.#plan()
      await this.#push(leased)
      this.#running--
    }
    this.#plan()
  }

  async #push(leased: readonly Leased[]): Promise<void> {
    const verdicts = new Map<string, Verdict>()
    let isReturned = false
    try {
      await this.#handle(batchOf(this.#queue.name, leased, verdicts))
      isReturned = true
    } catch (error) {
      if (!(error instanceof IsolateGone)) this.#platform.uncaught(error, `consumer of ${this.#queue.name}`)
    }
    // Nobody hears what became of it, so all of it comes again.
    if (this.#platform.faults.strikes('queue_answer_lost', this.#queue.name)) return
    for (const { leaseId } of leased) {
      const verdict: Verdict = verdicts.get(leaseId) ?? (isReturned ? ACKNOWLEDGED : { kind: 'retried', delayMs: 0 })
      if (verdict.kind === 'acknowledged') this.#queue.acknowledge(leaseId)
      else this.#queue.retry(leaseId, verdict.delayMs)
    }
  }
}

const ACKNOWLEDGED: Verdict = { kind: 'acknowledged' }

/** The first word about a message counts. */
function batchOf(queue: string, leased: readonly Leased[], verdicts: Map<string, Verdict>): PushedBatch {
  const messages = leased.map(({ id, leaseId, sentAtMs, attempts, body }): PushedMessage => {
    const say = (verdict: Verdict) => void (verdicts.has(leaseId) || verdicts.set(leaseId, verdict))
    return {
      ...{ id, attempts, timestamp: new Date(sentAtMs), body: pushedBody(body) },
      ack: () => say(ACKNOWLEDGED),
      retry: ({ delaySeconds = 0 } = {}) => say({ kind: 'retried', delayMs: delaySeconds * 1000 }),
    }
  })
  return {
    ...{ queue, messages },
    ackAll: () => {
      for (const message of messages) message.ack()
    },
    retryAll: (options) => {
      for (const message of messages) message.retry(options)
    },
  }
}
