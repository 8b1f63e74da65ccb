import { BUNDLE_MEDIA_TYPE } from '../../../protocol/bundle.ts'
import { utf8 } from '../../../protocol/bytes.ts'
import { isProblemCode, PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemCode } from '../../../protocol/problems.ts'
import { HOUR_MS } from '../../../protocol/time.ts'
import type { OfflineErrorCode } from '../errors.ts'

/** The part of `fetch` that the SDK uses; React Native's and every browser's have it. */
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpResponse>

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal?: unknown
  /** Browsers then carry it out although its page is closed; other runtimes ignore it. */
  readonly keepalive?: boolean
  /** A captive portal answers with a redirect: it is no answer. */
  readonly redirect: 'error'
  readonly credentials: 'omit'
  readonly cache: 'no-store'
}

export interface HttpResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  arrayBuffer(): Promise<ArrayBuffer>
  text(): Promise<string>
}

export interface Timers {
  set(run: () => void, delayMs: number): unknown
  clear(timer: unknown): void
}

/** Stops a request that took too long, where the platform can: `() => new AbortController()`. */
export type NewAbort = () => { readonly signal: unknown; abort(): void }

export type Answer =
  | { readonly kind: 'ok'; readonly body: Uint8Array; readonly roundTripMs: number }
  /** The edge refused. Nobody signed it: it steers what is tried next and never what is believed of a payment. */
  | {
      readonly kind: 'problem'
      readonly code: ProblemCode
      readonly serverTimeMs?: number
      readonly retryAfterMs?: number
    }
  /** No answer, or none that makes sense: the request may have been carried out. */
  | {
      readonly kind: 'unknown'
      readonly code: Extract<OfflineErrorCode, 'network_failed' | 'timed_out' | 'answer_invalid'>
      readonly retryAfterMs?: number
    }

export interface TransportOptions {
  readonly apiUrl: string
  readonly fetch: Fetch
  readonly timers: Timers
  readonly monotonicMs: () => number
  readonly requestTimeoutMs: number
  readonly newAbort: NewAbort | undefined
}

/** Browsers refuse requests that outlive their page above 64 KiB together, headers included. */
const KEEPALIVE_BYTES_MAX = 60 * 1024
const CBOR_MEDIA_TYPE = 'application/cbor'
const JSON_MEDIA_TYPE = 'application/json'
/** Bytes of an answer: a receipt and a full notice take half of it. */
const ANSWER_BYTES_MAX = 128 * 1024
/** A wait that the server asks for is kept up to this long. */
const RETRY_AFTER_MAX_MS = HOUR_MS

/** Talks HTTP with the edge and tells the answers apart. Never throws: what goes wrong on the way is an answer too. */
export class Transport {
  readonly #options: TransportOptions
  readonly #base: string

  constructor(options: TransportOptions) {
    this.#options = options
    this.#base = canonicalBase(options.apiUrl)
  }

  /** The URL without query, as a device proof names it (`htu`). */
  url(path: string): string {
    return this.#base + path
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.#send(path, { method: 'GET', headers: { Accept: CBOR_MEDIA_TYPE, ...headers } })
  }

  push(bundle: Uint8Array, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const sent = { Accept: CBOR_MEDIA_TYPE, 'Content-Type': BUNDLE_MEDIA_TYPE, ...headers }
    const keepalive = bundle.length <= KEEPALIVE_BYTES_MAX
    return this.#send('/offline/push', { method: 'POST', headers: sent, body: bundle, ...(keepalive && { keepalive }) })
  }

  /** For what is no payment: the answer's body is JSON too. */
  postJson(path: string, body: unknown): Promise<Answer> {
    return this.postBytes(path, utf8(JSON.stringify(body)), {})
  }

  /** JSON, as the very bytes that a proof is over. */
  postBytes(path: string, body: Uint8Array, more: Readonly<Record<string, string>>): Promise<Answer> {
    const headers = { ...more, Accept: JSON_MEDIA_TYPE, 'Content-Type': JSON_MEDIA_TYPE }
    return this.#send(path, { method: 'POST', headers, body })
  }

  async #send(path: string, request: Pick<HttpRequest, 'method' | 'headers' | 'body' | 'keepalive'>): Promise<Answer> {
    const { fetch, timers, monotonicMs, requestTimeoutMs, newAbort } = this.#options
    const startedMs = monotonicMs()
    const abort = newAbort?.()
    let timer: unknown
    const deadline = new Promise<Answer>((resolve) => {
      timer = timers.set(() => {
        resolve({ kind: 'unknown', code: 'timed_out' })
        abort?.abort()
      }, requestTimeoutMs)
    })
    const whole: HttpRequest = {
      ...request,
      redirect: 'error',
      credentials: 'omit',
      cache: 'no-store',
      ...(abort && { signal: abort.signal }),
    }
    const accept = request.headers['Accept']
    const answer = (async () => read(await fetch(this.url(path), whole), accept, startedMs, monotonicMs))()
    try {
      return await Promise.race([answer.catch((): Answer => ({ kind: 'unknown', code: 'network_failed' })), deadline])
    } finally {
      timers.clear(timer)
    }
  }
}

async function read(
  response: HttpResponse,
  accept: string | undefined,
  startedMs: number,
  monotonicMs: () => number,
): Promise<Answer> {
  const type = (response.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if ((response.status === 200 || response.status === 201) && type === accept) {
    const body = new Uint8Array(await response.arrayBuffer())
    if (body.length > ANSWER_BYTES_MAX) return { kind: 'unknown', code: 'answer_invalid' }
    return { kind: 'ok', body, roundTripMs: Math.max(0, monotonicMs() - startedMs) }
  }
  const retryAfter = retryAfterOf(response.headers.get('retry-after'))
  const code = type === PROBLEM_MEDIA_TYPE ? readProblem(await response.text()) : undefined
  return code === undefined
    ? { kind: 'unknown', code: 'answer_invalid', ...retryAfter }
    : { kind: 'problem', ...code, ...retryAfter }
}

/** @returns undefined for what is none of our problems: something between us and the edge answered */
function readProblem(text: string): { code: ProblemCode; serverTimeMs?: number } | undefined {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof body !== 'object' || body === null) return undefined
  const { code, next, server_time } = body as { code?: unknown; next?: unknown; server_time?: unknown }
  if (isProblemCode(code)) {
    return typeof server_time === 'number' && PROBLEMS[code].next === 'resign'
      ? { code, serverTimeMs: server_time }
      : { code }
  }
  // A later edge has codes that we do not know, and says what they ask for.
  return next === 'stop' ? { code: 'invalid_request' } : undefined
}

function retryAfterOf(value: string | null): { retryAfterMs?: number } {
  if (value === null || !/^\d{1,9}$/.test(value.trim())) return {}
  return { retryAfterMs: Math.min(Number(value) * 1000, RETRY_AFTER_MAX_MS) }
}

/** The base in the one spelling in which the server sees it; `URL` is incomplete on React Native. */
function canonicalBase(apiUrl: string): string {
  const match = /^(https?):\/\/([^/?#@\s]+)(\/[^?#\s]*)?$/i.exec(apiUrl)
  const [, scheme = '', host = '', path = ''] = match ?? []
  if (match === null) throw new RangeError('apiUrl is an http(s) URL without query')
  const lower = scheme.toLowerCase()
  const withoutPort = host.toLowerCase().replace(lower === 'https' ? /:443$/ : /:80$/, '')
  return `${lower}://${withoutPort}${path.replace(/\/+$/, '')}`
}
