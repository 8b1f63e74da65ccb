import { DurableObject } from 'cloudflare:workers'
import { type Faults, NO_FAULTS } from './faults.ts'
import type { IncomingMessage, PulledMessage } from './message.ts'
import { type QueueSettings, type Queues, queueSettings } from './settings.ts'
import { type Backlog, MessageStore } from './store.ts'

/** What a call of the API did, or the status it was made to fail with. */
export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly status: number }

export interface Pulled {
  readonly messages: readonly PulledMessage[]
  readonly backlog: Backlog
}

export interface Settled {
  readonly ackCount: number
  readonly retryCount: number
  readonly warnings: Readonly<Record<string, string>>
}

/** Holds the messages of all local queues; one call for each request of the pull API. */
export class QueueBroker extends DurableObject<Queues> {
  readonly #store: MessageStore

  constructor(ctx: DurableObjectState, env: Queues) {
    super(ctx, env)
    this.#store = new MessageStore(ctx.storage.sql)
  }

  /** Keeps messages; they are durable when this returns. Repeats of a message are kept: the queue is at least once. */
  add(queue: string, messages: readonly IncomingMessage[]): Backlog {
    const { copies, lose } = this.faults(queue)
    const nowMs = Date.now()
    if (!lose) {
      this.ctx.storage.transactionSync(() => {
        for (const message of messages) {
          for (let copy = 0; copy < copies; copy++) this.#store.add(queue, message, nowMs)
        }
      })
    }
    return this.#store.backlog(queue)
  }

  pull(queue: string, count: number, leaseMs: number): Reply<Pulled> {
    return this.#call(queue, (settings, faults) => {
      const messages = this.#store.lease(settings, count, leaseMs, Date.now(), faults.shuffleSeed)
      return { messages, backlog: this.#store.backlog(queue) }
    })
  }

  settle(
    queue: string,
    acks: readonly unknown[],
    retries: readonly { readonly leaseId: unknown; readonly delayMs: number }[],
  ): Reply<Settled> {
    return this.#call(queue, (settings) => {
      const warnings: Record<string, string> = {}
      let [ackCount, retryCount] = [0, 0]
      for (const leaseId of acks) {
        const warning = this.#store.ack(settings, leaseId)
        if (warning === undefined) ackCount++
        else warnings[String(leaseId)] = warning
      }
      const nowMs = Date.now()
      for (const { leaseId, delayMs } of retries) {
        const warning = this.#store.retry(settings, leaseId, delayMs, nowMs)
        if (warning === undefined) retryCount++
        else warnings[String(leaseId)] = warning
      }
      return { ackCount, retryCount, warnings }
    })
  }

  purge(queue: string): number {
    const purged = this.#store.purge(queue)
    this.ctx.storage.kv.put(`purged/${queue}`, Date.now())
    return purged
  }

  /** When the queue was last purged, or undefined. */
  purgedAtMs(queue: string): number | undefined {
    return this.ctx.storage.kv.get<number>(`purged/${queue}`)
  }

  expireLeases(queue: string): number {
    return this.#store.expireLeases(queue, Date.now())
  }

  backlog(queue: string): Backlog {
    return this.#store.backlog(queue)
  }

  faults(queue: string): Faults {
    return this.ctx.storage.kv.get<Faults>(`faults/${queue}`) ?? NO_FAULTS
  }

  setFaults(queue: string, faults: Faults): void {
    this.ctx.storage.kv.put(`faults/${queue}`, faults)
  }

  #call<T>(queue: string, work: (settings: QueueSettings, faults: Faults) => T): Reply<T> {
    const settings = queueSettings(this.env, queue)
    if (settings === undefined) return { ok: false, status: 404 }
    const faults = this.faults(queue)
    const fail = faults.fail !== undefined && faults.fail.calls > 0 ? faults.fail : undefined
    if (fail !== undefined) this.setFaults(queue, { ...faults, fail: { ...fail, calls: fail.calls - 1 } })
    if (fail !== undefined && !fail.afterwards) return { ok: false, status: fail.status }
    const value = this.ctx.storage.transactionSync(() => work(settings, faults))
    return fail === undefined ? { ok: true, value } : { ok: false, status: fail.status }
  }
}
