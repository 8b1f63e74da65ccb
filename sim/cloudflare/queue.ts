import type { Life } from './life.ts'
import { type Platform, partOf, travel } from './platform.ts'
import { BATCH_BYTES_MAX, type KeptBody, keptBody } from './queue-body.ts'

/** How much later a message is there that its queue held back: hours at most. */
const DELAYED_MS_MAX = 8 * 3_600_000
/** How far apart the two are that one message became. */
const REPEATED_MS_MAX = 3_600_000
const BATCH_MAX = 100

interface Kept {
  readonly id: string
  readonly body: KeptBody
  readonly sentAtMs: number
  visibleAtMs: number
  /** Deliveries. */
  attempts: number
}

/** A message that somebody holds until its lease ends. */
export interface Leased {
  readonly id: string
  readonly body: KeptBody
  readonly sentAtMs: number
  readonly attempts: number
  /** Names the message and this delivery of it. */
  readonly leaseId: string
}

export interface QueueSettings {
  /** Deliveries after the first; then a message is dead. */
  readonly retriesMax: number
  /** Where dead messages go; without one they are gone. */
  readonly deadLetters?: SimulatedQueue
}

export interface Sent {
  readonly body: unknown
  readonly contentType?: string
  readonly delaySeconds?: number
}

/** A queue: at least once, in no order, until it has lost it. What it holds is nobody's promise. */
export class SimulatedQueue {
  readonly name: string
  readonly #platform: Platform
  readonly #settings: QueueSettings
  readonly #messages = new Map<string, Kept>()
  #changed: () => void = () => undefined

  constructor(name: string, platform: Platform, settings: QueueSettings) {
    this.name = name
    this.#platform = partOf(platform, name)
    this.#settings = settings
  }

  /** Whoever is pushed the messages looks after each change. */
  onChange(changed: () => void): void {
    this.#changed = changed
  }

  /**
   * The producer's binding, for who runs in this life.
   *
   * @param gate what has to be durable before anything leaves
   */
  binding(life: Life, gate: () => Promise<void> = async () => undefined) {
    const send = (messages: readonly Sent[]) => life.inside(() => this.#accept(messages, gate))
    return {
      send: async (body: unknown, options: Omit<Sent, 'body'> = {}) => send([{ body, ...options }]),
      sendBatch: async (messages: Iterable<Sent>) => send([...messages]),
      metrics: () => life.inside(() => travel(this.#platform).then(() => this.backlog())),
    }
  }

  /** Hands out up to `count` messages, which nobody else gets until the lease ends. */
  lease(count: number, leaseMs: number): Leased[] {
    const { faults, random, scheduler } = this.#platform
    if (faults.strikes('queue_forgot_all', this.name)) this.forgetAll()
    const visible = [...this.#messages.values()].filter(({ visibleAtMs }) => visibleAtMs <= scheduler.nowMs)
    for (const message of visible.filter(({ attempts }) => attempts > this.#settings.retriesMax)) this.#bury(message)
    const alive = visible.filter(({ id }) => this.#messages.has(id))
    if (faults.strikes('queue_reordered', this.name)) {
      for (let at = alive.length - 1; at > 0; at--) {
        const other = random.between(0, at)
        ;[alive[at], alive[other]] = [alive[other] as Kept, alive[at] as Kept]
      }
    }
    return alive.slice(0, count).map((message) => {
      message.attempts++
      message.visibleAtMs = scheduler.nowMs + leaseMs
      const { id, body, sentAtMs, attempts } = message
      return { id, body, sentAtMs, attempts, leaseId: `${id}.${attempts}` }
    })
  }

  /** Ends a message. A lease that has ended still does, as in production. @returns whether the message was there */
  acknowledge(leaseId: string): boolean {
    return this.#messages.delete(idOf(leaseId))
  }

  /** Gives a message back; only its newest lease can. */
  retry(leaseId: string, delayMs: number): boolean {
    const message = this.#messages.get(idOf(leaseId))
    if (message === undefined || leaseId !== `${message.id}.${message.attempts}`) return false
    message.visibleAtMs = this.#platform.scheduler.nowMs + delayMs
    this.#changed()
    return true
  }

  /** Loses all that it holds, leased or not. */
  forgetAll(): void {
    this.#messages.clear()
  }

  /** When the next message can be handed out; undefined when it holds none. */
  get nextAtMs(): number | undefined {
    const times = [...this.#messages.values()].map(({ visibleAtMs }) => visibleAtMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  backlog(): { backlogCount: number; backlogBytes: number; oldestMessageTimestamp?: Date } {
    const held = [...this.#messages.values()]
    const [oldest] = held.map(({ sentAtMs }) => sentAtMs).sort((a, b) => a - b)
    return {
      backlogCount: held.length,
      backlogBytes: held.reduce((sum, { body }) => sum + body.bytes.length, 0),
      ...(oldest !== undefined && { oldestMessageTimestamp: new Date(oldest) }),
    }
  }

  async #accept(messages: readonly Sent[], gate: () => Promise<void>) {
    const kept = messages.map(({ body, contentType, delaySeconds = 0 }) => {
      return { body: keptBody(body, contentType), delayMs: delaySeconds * 1000 }
    })
    const bytes = kept.reduce((sum, { body }) => sum + body.bytes.length, 0)
    if (kept.length > BATCH_MAX || bytes > BATCH_BYTES_MAX) throw new RangeError('batch too large')
    await gate()
    await travel(this.#platform)
    if (this.#platform.faults.strikes('queue_call_lost', this.name)) throw new Error('queue is not available')
    for (const { body, delayMs } of kept) this.#keep(body, delayMs)
    this.#changed()
    await travel(this.#platform)
    if (this.#platform.faults.strikes('queue_answer_lost', this.name)) throw new Error('queue did not answer')
    return { metadata: { metrics: this.backlog() } }
  }

  #keep(body: KeptBody, delayMs: number): void {
    const { faults, random, scheduler } = this.#platform
    if (faults.strikes('queue_message_lost', this.name)) return
    const lateMs = () => (faults.strikes('queue_message_delayed', this.name) ? random.next() * DELAYED_MS_MAX : 0)
    const copies = faults.strikes('queue_message_repeated', this.name) ? [0, random.next() * REPEATED_MS_MAX] : [0]
    for (const apartMs of copies) {
      const id = Buffer.from(random.bytes(16)).toString('hex')
      const visibleAtMs = scheduler.nowMs + delayMs + apartMs + lateMs()
      this.#messages.set(id, { id, body, sentAtMs: scheduler.nowMs, visibleAtMs, attempts: 0 })
    }
  }

  #bury(message: Kept): void {
    this.#messages.delete(message.id)
    const { deadLetters } = this.#settings
    if (deadLetters === undefined) return
    deadLetters.#messages.set(message.id, { ...message, attempts: 0, visibleAtMs: this.#platform.scheduler.nowMs })
    deadLetters.#changed()
  }
}

const idOf = (leaseId: string): string => leaseId.split('.')[0] ?? ''
