import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FaultProxy, type LinkConditions, startFaultProxy } from '../../dev/fault-proxy.ts'
import { seededRandom } from '../../dev/random.ts'

let server: Server
let served: string[]
const proxies: FaultProxy[] = []

/** Answers with what it got. */
beforeEach(async () => {
  served = []
  server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => {
      served.push(request.url ?? '')
      response.end(Buffer.concat(pieces))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
})
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
  server.closeAllConnections()
  server.close()
})

async function proxied(conditions: Partial<LinkConditions>, random = seededRandom(1)): Promise<FaultProxy> {
  const { port } = server.address() as AddressInfo
  const proxy = await startFaultProxy({ target: { port }, conditions, random })
  proxies.push(proxy)
  return proxy
}

const post = async (url: string, body: BodyInit = 'x', init: RequestInit = {}) => {
  const response = await fetch(url, { method: 'POST', body, ...init })
  return Buffer.from(await response.arrayBuffer())
}

/** Which of so many exchanges failed, by their number from 1. */
async function failures(proxy: FaultProxy, count: number): Promise<number[]> {
  const failed: number[] = []
  for (let at = 1; at <= count; at++) {
    await post(`${proxy.url}/${at}`).catch(() => failed.push(at))
  }
  return failed
}

test('a good link changes nothing, also of a large body', async () => {
  const proxy = await proxied({})
  const large = Buffer.alloc(3_000_000, 'abcdefg')
  expect((await post(proxy.url, large)).equals(large)).toBe(true)
})

test('a slow and narrow link still delivers every byte in its order', async () => {
  const proxy = await proxied({ roundTripMs: 20, bytesPerSecond: 4_000_000 })
  const large = Buffer.from(Uint32Array.from({ length: 150_000 }, (_, at) => at).buffer)
  expect((await post(proxy.url, large)).equals(large)).toBe(true)
})

test('the round trip takes at least what was added', async () => {
  const proxy = await proxied({ roundTripMs: 120 })
  await post(proxy.url)
  const before = performance.now()
  await post(proxy.url)
  expect(performance.now() - before).toBeGreaterThanOrEqual(120)
})

test('the bandwidth is that of the link, however many connections share it', async () => {
  const proxy = await proxied({ bytesPerSecond: 100_000 })
  const before = performance.now()
  await Promise.all([1, 2, 3].map(() => post(proxy.url, Buffer.alloc(10_000))))
  // 30 000 bytes up; the last answer of 10 000 follows the last request, the others overlap it.
  expect(performance.now() - before).toBeGreaterThanOrEqual(390)
})

test('a lost request never reaches the server, and it is every Nth', async () => {
  const proxy = await proxied({ cut: { lose: 'request', every: 3 } })
  expect(await failures(proxy, 9)).toEqual([3, 6, 9])
  expect(served).toEqual(['/1', '/2', '/4', '/5', '/7', '/8'])
  expect(proxy.counts).toEqual({ exchanges: 9, lostRequests: 3, lostAnswers: 0 })
})

test('with a lost answer the server did its work and the client got nothing', async () => {
  const proxy = await proxied({ cut: { lose: 'answer', every: 2 } })
  expect(await failures(proxy, 4)).toEqual([2, 4])
  expect(served).toEqual(['/1', '/2', '/3', '/4'])
  expect(proxy.counts).toMatchObject({ lostRequests: 0, lostAnswers: 2 })
})

test('what a client sends counts also when its answer is lost, and what it gets only when it gets it', async () => {
  const proxy = await proxied({ cut: { lose: 'answer', every: 2 } })
  await failures(proxy, 1)
  const { fromClient, toClient } = proxy.bytes
  expect(Math.min(fromClient, toClient)).toBeGreaterThan(0)
  await failures(proxy, 1)
  expect(proxy.bytes).toEqual({ fromClient: 2 * fromClient, toClient })
})

test('cuts by probability are those of the seed', async () => {
  const cut = { lose: 'request', probability: 0.5 } as const
  const first = await failures(await proxied({ cut }, seededRandom(7)), 20)
  const same = await failures(await proxied({ cut }, seededRandom(7)), 20)
  const other = await failures(await proxied({ cut }, seededRandom(8)), 20)
  expect(first.length).toBeGreaterThan(2)
  expect(first.length).toBeLessThan(18)
  expect(same).toEqual(first)
  expect(other).not.toEqual(first)
})

test('when the link goes down requests fail, also those under way, and work again when it is up', async () => {
  const proxy = await proxied({ roundTripMs: 10_000 })
  const underWay = post(proxy.url)
  await expect.poll(() => proxy.counts.exchanges).toBe(1)
  proxy.set({ state: 'down' })
  await expect(underWay).rejects.toThrow()
  await expect(post(proxy.url)).rejects.toThrow()
  expect(served).toEqual([])
  proxy.set({ state: 'up', roundTripMs: 0 })
  expect((await post(proxy.url, 'back')).toString()).toBe('back')
})

test('on a silent link only the own deadline ends a request, which the server never sees', async () => {
  const proxy = await proxied({ state: 'silent' })
  await expect(post(proxy.url, 'x', { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
    name: 'TimeoutError',
  })
  proxy.set({ state: 'up' })
  expect((await post(`${proxy.url}/after`, 'x')).toString()).toBe('x')
  expect(served).toEqual(['/after'])
})

test('a client that ends its side still gets the answer', async () => {
  const proxy = await proxied({ roundTripMs: 20 })
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello')
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece)
  expect(Buffer.concat(pieces).toString()).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*hello$/)
})

test('a server that is not there is a failed request, not a crash', async () => {
  const proxy = await startFaultProxy({ target: { port: 1 }, random: seededRandom(1) })
  proxies.push(proxy)
  await expect(post(proxy.url)).rejects.toThrow()
})
