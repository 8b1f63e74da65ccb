import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import * as z from 'zod'

/**
 * A stand-in for SIRA, for `npm start` and tests: real HTTP, the same answer to the same question, and on request slow,
 * broken or talking nonsense. It takes exactly what src/risk/sira-request.ts sends and refuses everything else with
 * 422, so that nothing more than that can ever leave.
 *
 * Scores by amount, so that one can be had on purpose: an amount that ends in 777 gets 0.25 (a review), one that ends in
 * 666 gets 0.9 (quarantine); anything else 0.02. A device id with RISKY in it has no reputation left.
 */
type SiraMode =
  | { readonly kind: 'normal' }
  | { readonly kind: 'slow'; readonly ms: number }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Sends the head and half of the body, then nothing. */
  | { readonly kind: 'drip' }
  /** Cuts the connection. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'error'; readonly status: number }
  /** Answers from a list, in turn, over and over. */
  | { readonly kind: 'nonsense'; readonly answers: readonly NonsenseAnswer[] }

export interface NonsenseAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  /** The body this many times over. */
  readonly times?: number
  readonly gzip?: boolean
}

interface SeenRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

export interface DevSira {
  readonly url: string
  readonly apiKey: string
  /** `vars` for the Worker and the reconciler. */
  readonly vars: { readonly SIRA_URL: string; readonly SIRA_API_KEY: string }
  readonly requests: readonly SeenRequest[]
  mode: SiraMode
  /** Settles when a request has come in completely, in every mode. */
  nextRequest(): Promise<void>
  close(): Promise<void>
}

const MODEL = 'sira-dev-1'
const BODY_BYTES_MAX = 4 * 1024 * 1024
const REQUESTS_KEPT = 1_000

const pseudonym = z.string().regex(/^[A-Za-z0-9_-]{22}$/)
const uint = z.int().min(0)
const deviceId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/)
const country = z.string().length(2)
const ulid = z.string().length(26)
const paymentFields = {
  transaction_id: z.string(),
  type: z.enum(['p2p', 'merchant', 'cashin', 'cashout', 'agent']),
  method: z.enum(['wallet', 'qr', 'ussd']),
  amount: z.int().min(1),
  currency: z.string().length(3),
  sender: pseudonym,
  receiver: pseudonym,
  merchant: pseudonym.optional(),
  initiated_at: uint,
  payer_proven: z.boolean(),
  agent_approved: z.boolean(),
}
const bundle = z.strictObject({
  bundle_id: ulid,
  device_id: deviceId,
  country,
  seq: z.int().min(1),
  signed_at: uint,
  relay: z.boolean(),
  counted_at: uint.optional(),
  transactions: z.array(z.strictObject(paymentFields)).max(100),
})
const transaction = z.strictObject({ device_id: deviceId, country, ...paymentFields })
const bulk = z.strictObject({ bundles: z.array(bundle), transactions: z.array(transaction) })
const reputation = z.strictObject({ device_id: deviceId })
const escalation = z.strictObject({
  escalation_id: z.string().regex(/^[A-Za-z0-9._/-]{1,96}$/),
  kind: z.enum(['chain_fork', 'bundle_conflict', 'nonce_replayed', 'counter_conflict', 'chain_gap']),
  device_id: deviceId,
  country,
  seq: z.int().min(1),
  at: uint,
  digests: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
})

const ROUTES: Record<string, (body: unknown) => object> = {
  '/v1/score/bundle': (body) => scoreBundle(bundle.parse(body)),
  '/v1/score/transaction': (body) => scoreTransaction(transaction.parse(body)),
  '/v1/score/bulk': (body) => {
    const { bundles, transactions } = bulk.parse(body)
    return { bundles: bundles.map(scoreBundle), transactions: transactions.map(scoreTransaction) }
  },
  '/v1/devices/reputation': (body) => {
    const { device_id } = reputation.parse(body)
    return { device_id, reputation: device_id.includes('RISKY') ? 0 : 0.5, model: MODEL }
  },
  '/v1/escalations': (body) => {
    const { escalation_id } = escalation.parse(body)
    return { escalation_id, status: 'accepted', reference: `CASE-${escalation_id.replaceAll('/', '-')}` }
  },
}

const scoreOf = (amount: number): number => (amount % 1000 === 666 ? 0.9 : amount % 1000 === 777 ? 0.25 : 0.02)
const reasonsOf = (score: number): string[] => (score > 0.02 ? ['unusual_amount'] : [])

function scoreBundle({ bundle_id, transactions }: z.infer<typeof bundle>) {
  const own = transactions.map(({ transaction_id, amount }) => ({ transaction_id, score: scoreOf(amount) }))
  const unusual = own.filter(({ score }) => score > 0.02)
  return { bundle_id, score: 0.02, reasons: reasonsOf(unusual[0]?.score ?? 0), model: MODEL, transactions: unusual }
}

function scoreTransaction({ transaction_id, amount }: z.infer<typeof transaction>) {
  return { transaction_id, score: scoreOf(amount), reasons: reasonsOf(scoreOf(amount)), model: MODEL }
}

export async function startDevSira(apiKey = 'sira-dev-key-0001', port = 0): Promise<DevSira> {
  const requests: SeenRequest[] = []
  const timers = new Set<NodeJS.Timeout>()
  let waiting: (() => void)[] = []
  let answered = 0
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readText(request)
    const path = request.url ?? ''
    const body = jsonOf(text)
    requests.push({ path, headers: request.headers, body })
    if (requests.length > REQUESTS_KEPT) requests.shift()
    for (const wake of waiting.splice(0)) wake()
    const { mode } = sira
    switch (mode.kind) {
      case 'normal':
        return answer(request, response, path, body)
      case 'slow': {
        const timer = setTimeout(() => answer(request, response, path, body), mode.ms)
        timers.add(timer)
        response.once('close', () => timers.delete(timer) && clearTimeout(timer))
        return
      }
      case 'hang':
        return
      case 'drip':
        response.writeHead(200, { 'content-type': 'application/json' }).write('{"score":0.0')
        return
      case 'reset':
        request.socket.destroy()
        return
      case 'error':
        return json(response, mode.status, { error: 'as asked' })
      case 'nonsense': {
        const nonsense = mode.answers[answered++ % mode.answers.length]
        if (nonsense) send(response, nonsense)
      }
    }
  }

  function answer(request: IncomingMessage, response: ServerResponse, path: string, body: unknown): void {
    const [status, value] = reply(request, path, body)
    json(response, status, value)
  }

  function reply(request: IncomingMessage, path: string, body: unknown): [status: number, body: object] {
    const route = ROUTES[path]
    if (request.method !== 'POST' || route === undefined) return [404, { error: 'no such resource' }]
    if (request.headers['x-api-key'] !== apiKey) return [401, { error: 'unknown key' }]
    if (!request.headers['x-request-id']) return [400, { error: 'no request id' }]
    try {
      return [200, route(body)]
    } catch (error) {
      return [422, { error: error instanceof z.ZodError ? error.issues : 'unreadable' }]
    }
  }

  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sira: DevSira = {
    url,
    apiKey,
    vars: { SIRA_URL: url, SIRA_API_KEY: apiKey },
    requests,
    mode: { kind: 'normal' },
    nextRequest: () => new Promise((resolve) => waiting.push(resolve)),
    close: () =>
      new Promise((resolve) => {
        waiting = []
        for (const timer of timers) clearTimeout(timer)
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return sira
}

function send(
  response: ServerResponse,
  { status = 200, headers, body, times = 1, gzip = false }: NonsenseAnswer,
): void {
  const text = body.repeat(times)
  const head = { 'content-type': 'application/json', ...(gzip && { 'content-encoding': 'gzip' }), ...headers }
  response.writeHead(status, head).end(gzip ? gzipSync(text) : text)
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > BODY_BYTES_MAX) throw new Error('request too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
