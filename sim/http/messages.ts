import { bodyOf, isWhole, type Whole, type WholeBody } from './body.ts'
import { SimulatedHeaders } from './headers.ts'

/**
 * `Request` and `Response` for bodies that are there as a whole, which is nearly all that goes through a simulated world: with
 * streams underneath, the platform's take more time than what they carry. A body that is a stream is the platform's.
 */
const decoder = new TextDecoder()

/** What both have. */
abstract class Message {
  readonly headers: SimulatedHeaders
  readonly body: WholeBody | null

  constructor(given: Whole, headers: ConstructorParameters<typeof SimulatedHeaders>[0]) {
    this.headers = new SimulatedHeaders(headers)
    this.body = bodyOf(given)
    if (typeof given === 'string' && !this.headers.has('content-type')) {
      this.headers.set('content-type', 'text/plain;charset=UTF-8')
    }
  }

  get bodyUsed(): boolean {
    return this.body?.isUsed === true
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.body?.take() ?? new Uint8Array()
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (this.body?.take() ?? new Uint8Array()).buffer
  }

  async text(): Promise<string> {
    return this.body === null ? '' : decoder.decode(this.body.take())
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.body === null ? '' : decoder.decode(this.body.take()))
  }
}

interface ResponseSettings {
  readonly status?: number
  readonly statusText?: string
  readonly headers?: ConstructorParameters<typeof SimulatedHeaders>[0]
}

/** The null body statuses of the Fetch standard. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304])

export class SimulatedResponse extends Message {
  readonly status: number
  readonly statusText: string
  readonly type = 'default'
  readonly url = ''
  readonly redirected = false

  /** @throws RangeError, TypeError */
  constructor(given?: unknown, { status = 200, statusText = '', headers }: ResponseSettings = {}) {
    super(isWhole(given) ? given : null, headers)
    if (status < 200 || status > 599) throw new RangeError(`no status of an answer: ${status}`)
    if (this.body !== null && WITHOUT_BODY.has(status)) throw new TypeError(`no body with status ${status}`)
    this.status = status
    this.statusText = statusText
    // biome-ignore lint/correctness/noConstructorReturn: whoever makes a response of a stream gets the platform's
    if (!isWhole(given)) return platformResponse(given, status, this.headers) as never
  }

  get ok(): boolean {
    return this.status < 300
  }

  static json(value: unknown, init: ResponseSettings = {}): SimulatedResponse {
    const headers = new SimulatedHeaders(init.headers)
    if (!headers.has('content-type')) headers.set('content-type', 'application/json')
    return new SimulatedResponse(JSON.stringify(value), { ...init, headers })
  }
}

interface RequestSettings {
  readonly method?: string
  readonly headers?: ConstructorParameters<typeof SimulatedHeaders>[0]
  readonly body?: unknown
  readonly signal?: AbortSignal | null
}

export class SimulatedRequest extends Message {
  readonly url: string
  readonly method: string
  readonly #signal: AbortSignal | undefined

  /** @throws TypeError */
  constructor(input: string | URL | SimulatedRequest, init: RequestSettings = {}) {
    const from = input instanceof SimulatedRequest ? input : undefined
    const given = init.body ?? from?.body
    if (!isWhole(given)) throw new TypeError('a request of the simulation has its body as a whole')
    super(given, init.headers ?? from?.headers)
    this.url = from?.url ?? new URL(String(input)).href
    this.method = (init.method ?? from?.method ?? 'GET').toUpperCase()
    this.#signal = init.signal ?? (from === undefined ? undefined : from.#signal)
    if (this.body !== null && (this.method === 'GET' || this.method === 'HEAD')) {
      throw new TypeError(`no body with ${this.method}`)
    }
  }

  /** Never aborted when nobody gave one. */
  get signal(): AbortSignal {
    return this.#signal ?? new AbortController().signal
  }
}

const PlatformResponse = Response

const platformResponse = (stream: unknown, status: number, headers: SimulatedHeaders): Response =>
  new PlatformResponse(stream as BodyInit, { status, headers: [...headers] as [string, string][] })
