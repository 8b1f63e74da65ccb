import type { Fetch } from '../../src/device/sdk/index.ts'
import type { HttpResponse } from '../../src/device/sdk/sync/transport.ts'
import type { AllFaults } from '../faults/kinds.ts'
import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'

/** How long a request or an answer takes on its way, milliseconds: mostly tens, at times seconds. */
const WAY_MS = { usual: 80, slow: 8_000 }
const SLOW = 0.05
/** How much later a repetition arrives that a network made: at once, or hours later. */
const REPEATED_AFTER_MS_MAX = 6 * 3_600_000

/**
 * The way from one device to the edge. It is cut before or after delivery, delivers twice, now or hours later, gives
 * an earlier answer for this one, and may be down altogether; what it does wrong is asked of the faults each time.
 */
export class Network {
  isUp = true
  /** The last answer on each way: something in between may give it again. */
  readonly #earlier = new Map<string, HttpResponse>()
  readonly #of: string
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #faults: AllFaults
  readonly #edge: (request: Request) => Promise<Response>
  readonly #heard: (path: string, status: number, body: Uint8Array) => void

  /**
   * @param of the device's id
   * @param heard told of each answer that the edge gave, also of one that never reaches the device
   */
  constructor(
    of: string,
    scheduler: Scheduler,
    random: Random,
    faults: AllFaults,
    edge: (request: Request) => Promise<Response>,
    heard: (path: string, status: number, body: Uint8Array) => void,
  ) {
    this.#of = of
    this.#scheduler = scheduler
    this.#random = random
    this.#faults = faults
    this.#edge = edge
    this.#heard = heard
  }

  readonly fetch: Fetch = async (url, { method, headers, body }) => {
    await this.#way()
    if (!this.isUp || this.#faults.strikes('request_lost', this.#of)) throw new TypeError('network is unreachable')
    const deliver = () => this.#deliver(url, { method, headers, ...(body && { body: body as BodyInit }) })
    if (this.#faults.strikes('request_repeated', this.#of)) {
      this.#scheduler.after(
        this.#random.next() ** 3 * REPEATED_AFTER_MS_MAX,
        () => void deliver().catch(() => undefined),
      )
    }
    const answer = await deliver()
    await this.#way()
    if (!this.isUp || this.#faults.strikes('answer_lost', this.#of)) throw new TypeError('connection lost')
    const way = `${method} ${url}`
    const earlier = this.#earlier.get(way)
    this.#earlier.set(way, answer)
    return earlier !== undefined && this.#faults.strikes('answer_stale', this.#of) ? earlier : answer
  }

  async #deliver(url: string, init: RequestInit): Promise<HttpResponse> {
    const answer = await this.#edge(new Request(url, init))
    const bytes = await answer.arrayBuffer()
    this.#heard(new URL(url).pathname, answer.status, new Uint8Array(bytes))
    return {
      status: answer.status,
      headers: answer.headers,
      arrayBuffer: async () => bytes,
      text: async () => new TextDecoder().decode(bytes),
    }
  }

  #way(): Promise<void> {
    return this.#scheduler.sleep(this.#random.next() * (this.#random.chance(SLOW) ? WAY_MS.slow : WAY_MS.usual))
  }
}
