import { err, type Result, unreachable } from '../protocol/result.ts'
import { discard, readJson } from './bounded-json.ts'
import { Breaker, type BreakerSettings } from './breaker.ts'
import { ANSWER_BYTES_MAX, BULK_ANSWER_BYTES_MAX, DEADLINES_MS } from './limits.ts'
import type { RemoteFailure } from './score.ts'
import type { Read } from './sira-schema.ts'

export type Operation = keyof typeof DEADLINES_MS

/** One call, for metrics: how long it took and how it ended. */
export interface SiraObservation {
  readonly operation: Operation
  readonly latencyMs: number
  readonly outcome: 'ok' | RemoteFailure['reason']
}

export interface SiraSettings {
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly apiKey: string
  readonly deadlinesMs?: Partial<Record<Operation, number>>
  readonly breaker?: BreakerSettings
}

export interface SiraDeps {
  /** Called as a plain function: pass `(url, init) => fetch(url, init)`. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly nowMs: () => number
  /** Runs it once after a time; @returns what calls it off. */
  readonly after: (ms: number, run: () => void) => () => void
  /** 0 ≤ x < 1 */
  readonly random: () => number
  readonly observe: (observation: SiraObservation) => void
}

const PATHS: Record<Operation, string> = {
  bundle: '/v1/score/bundle',
  transaction: '/v1/score/transaction',
  bulk: '/v1/score/bulk',
  // The device is named in the body: an id of dots in a path would be another resource.
  reputation: '/v1/devices/reputation',
  escalation: '/v1/escalations',
}

/**
 * One call to SIRA: breaker → POST with a deadline over the whole exchange → status → bounded read → strict reading.
 * Whatever goes wrong on the way is an error value.
 */
export class SiraTransport {
  readonly #settings: SiraSettings
  readonly #deps: SiraDeps
  // One for each operation. A SIRA that misses the push's 150 ms may well take an escalation within its five seconds.
  readonly #breakers = new Map<Operation, Breaker>()

  constructor(settings: SiraSettings, deps: SiraDeps) {
    this.#settings = settings
    this.#deps = deps
  }

  breaker(operation: Operation): Breaker {
    const { nowMs, random } = this.#deps
    const breaker = this.#breakers.get(operation) ?? new Breaker(nowMs, random, this.#settings.breaker)
    this.#breakers.set(operation, breaker)
    return breaker
  }

  /** @param requestId traces the call through both systems' logs */
  async call<T>(
    operation: Operation,
    requestId: string,
    body: unknown,
    read: Read<T>,
  ): Promise<Result<T, RemoteFailure>> {
    const { nowMs, observe } = this.#deps
    const startedMs = nowMs()
    const permit = this.breaker(operation).enter()
    if (permit === undefined) {
      observe({ operation, latencyMs: 0, outcome: 'breaker_open' })
      return err({ reason: 'breaker_open' })
    }
    const result = await this.#withDeadline(operation, (signal) =>
      this.#exchange(operation, requestId, body, read, signal),
    )
    this.breaker(operation).report(permit, result.ok || isWell(result.error))
    observe({ operation, latencyMs: nowMs() - startedMs, outcome: result.ok ? 'ok' : result.error.reason })
    return result
  }

  /**
   * The race, and not the signal alone, ends the wait: a fetch or a stream that ignores its signal must not hold a push.
   * A timer and a controller instead of `AbortSignal.timeout`, which can throw where nobody catches in workerd (#1020).
   */
  async #withDeadline<T>(
    operation: Operation,
    run: (signal: AbortSignal) => Promise<Result<T, RemoteFailure>>,
  ): Promise<Result<T, RemoteFailure>> {
    const controller = new AbortController()
    const expired = Promise.withResolvers<Result<T, RemoteFailure>>()
    const deadlineMs = this.#settings.deadlinesMs?.[operation] ?? DEADLINES_MS[operation]
    const callOff = this.#deps.after(deadlineMs, () => {
      expired.resolve(err({ reason: 'timeout' }))
      controller.abort()
    })
    try {
      return await Promise.race([run(controller.signal), expired.promise])
    } finally {
      callOff()
    }
  }

  async #exchange<T>(
    operation: Operation,
    requestId: string,
    body: unknown,
    read: Read<T>,
    signal: AbortSignal,
  ): Promise<Result<T, RemoteFailure>> {
    const { fetch } = this.#deps
    try {
      const response = await fetch(`${this.#settings.baseUrl}${PATHS[operation]}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'x-api-key': this.#settings.apiKey,
          'x-request-id': requestId,
        },
        body: JSON.stringify(body),
        // A redirect would carry the API key and the payments to another host. ('error' does not exist in workerd.)
        redirect: 'manual',
        signal,
      })
      if (response.status < 200 || response.status > 299) {
        await discard(response)
        return err({ reason: 'rejected', status: response.status })
      }
      const json = await readJson(response, operation === 'bulk' ? BULK_ANSWER_BYTES_MAX : ANSWER_BYTES_MAX)
      return json.ok ? read(json.value) : json
    } catch {
      return err({ reason: 'unreachable' })
    }
  }
}

/** Statuses that say something about us or its load and not about this one request: asking again soon is no use. */
const UNWELL_STATUSES = new Set([401, 403, 408, 429])

/** Whether SIRA itself is well although the call failed. */
function isWell(failure: RemoteFailure): boolean {
  switch (failure.reason) {
    case 'rejected':
      return failure.status >= 400 && failure.status < 500 && !UNWELL_STATUSES.has(failure.status)
    case 'timeout':
    case 'unreachable':
    case 'invalid_answer':
    case 'breaker_open':
    case 'not_configured':
      return false
    default:
      return unreachable(failure)
  }
}
