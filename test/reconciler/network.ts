import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readServiceClaim, SERVICE_HEADER, verifyServiceCall } from '../../src/crypto/hmac.ts'
import type { Confirmation } from '../../src/protocol/confirmations.ts'
import type { Outcome } from '../../src/protocol/notice.ts'
import { readCall } from '../kit/confirmations.ts'

/**
 * The reconciler's whole network behind one `fetch`: the queue's pull API with leases, and the edge, which checks the
 * service signature and keeps what it is told. What it does wrong is set by the test.
 */
export class Network {
  readonly confirmed: Confirmation[] = []
  /** What the gateway was asked to bring to telephones, each time. */
  readonly texts: { to: string; text: string; id: string }[] = []
  /** How the gateway answers. */
  gateway: () => number | Promise<number> = () => 200
  /** What the edge answers for a version of a policy, by path; it knows no other. */
  readonly policies = new Map<string, Uint8Array | Promise<Uint8Array>>()
  /** Calls of the policy route. */
  policyCalls = 0
  /** How the edge answers for a device; default: confirmed. */
  answer: (deviceId: string) => string = () => 'confirmed'
  /** Called before each request; a thrown error is a broken connection, a number an answer with that status. */
  fault: (path: string) => number | undefined = () => undefined
  /** The edge takes what it is told, and the answer does not arrive. */
  answersLost = false
  readonly #queue = new Map<string, Uint8Array | Promise<Uint8Array>>()
  readonly #leased = new Set<string>()
  readonly #hmacKey: CryptoKey
  readonly #clock: () => number
  #messages = 0

  constructor(hmacKey: CryptoKey, clock: () => number) {
    this.#hmacKey = hmacKey
    this.#clock = clock
  }

  /** Bodies that are still being signed are waited for when the queue is pulled. */
  send(...bodies: readonly (Uint8Array | Promise<Uint8Array>)[]): void {
    for (const body of bodies) this.#queue.set(`m${++this.#messages}`, body)
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Leases run out: what was not acknowledged is delivered again. */
  redeliver(): void {
    this.#leased.clear()
  }

  outcomes(deviceId: string): readonly Outcome[] {
    return this.confirmed.flatMap((one) =>
      one.kind === 'bundle_settled' && one.deviceId === deviceId ? one.outcomes : [],
    )
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(input, init)
    const { pathname } = new URL(request.url)
    const fault = this.fault(pathname)
    if (fault !== undefined) return new Response('', { status: fault })
    if (pathname.endsWith('/messages/pull')) {
      const { batch_size } = (await request.json()) as { batch_size: number }
      return this.#pull(batch_size)
    }
    if (pathname.endsWith('/messages/ack')) {
      const { acks } = (await request.json()) as { acks: { lease_id: string }[] }
      for (const { lease_id } of acks) this.#queue.delete(lease_id)
      return Response.json({ success: true, errors: [], messages: [], result: { ackCount: acks.length } })
    }
    if (pathname === '/codes') {
      this.texts.push((await request.json()) as Network['texts'][number])
      return new Response('', { status: await this.gateway() })
    }
    if (pathname.startsWith('/internal/policies/')) return this.#policy(request, pathname)
    return this.#confirm(request, pathname)
  }

  async #pull(max: number): Promise<Response> {
    const free = [...this.#queue].filter(([id]) => !this.#leased.has(id)).slice(0, max)
    for (const [id] of free) this.#leased.add(id)
    const messages = await Promise.all(
      free.map(async ([id, sent]) => {
        const body = Buffer.from(await sent).toString('base64')
        return { id, lease_id: id, body, attempts: 1, timestamp_ms: 0, metadata: { 'CF-Content-Type': 'bytes' } }
      }),
    )
    return Response.json({ success: true, errors: [], messages: [], result: { messages } })
  }

  async #policy(request: Request, path: string): Promise<Response> {
    this.policyCalls++
    if (!(await this.#isSigned(request, path, new Uint8Array()))) return new Response('', { status: 401 })
    const policy = this.policies.get(path)
    if (policy === undefined) return new Response('', { status: 404 })
    return new Response((await policy) as BodyInit)
  }

  async #isSigned({ method, headers }: Request, path: string, body: Uint8Array): Promise<boolean> {
    const claim = readServiceClaim(headers.get(SERVICE_HEADER), this.#clock())
    return claim !== undefined && verifyServiceCall(this.#hmacKey, { method, path, body }, claim)
  }

  async #confirm(request: Request, path: string): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer())
    if (!(await this.#isSigned(request, path, body))) return new Response('', { status: 401 })
    const told = readCall(body)
    const devices = Object.fromEntries(told.map(({ deviceId }) => [deviceId, this.answer(deviceId)]))
    this.confirmed.push(...told.filter(({ deviceId }) => devices[deviceId] === 'confirmed'))
    if (this.answersLost) throw new TypeError('fetch failed')
    return Response.json({ devices })
  }
}

/** The same network on a real socket, for reconcilers in processes of their own. */
export async function serve(network: Network): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    try {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk)
      const answer = await network.fetch(`http://localhost${request.url}`, {
        method: request.method ?? 'GET',
        headers: request.headers as Record<string, string>,
        body: Buffer.concat(chunks),
      })
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(Buffer.from(await answer.arrayBuffer()))
    } catch {
      response.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
