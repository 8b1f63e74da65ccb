import { beforeAll, describe, expect, it } from 'vitest'
import { addressKey } from '../../../src/edge/ingest/rate-limit.ts'
import { RATE_POLICIES } from '../../../src/edge/ingest/rate-policy.ts'
import { BUNDLE_MEDIA_TYPE } from '../../../src/protocol/bundle.ts'
import { badTokens, tokenKeys } from '../../attacks/inputs/tokens.ts'
import { dumpObject, recordAll, recordQueues } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { bindings, expectRefusal, fetchWith, keySet, ORIGIN, pushInit, registered, SELF } from '../kit.ts'
import { dumpDurable, fetchFrom } from './people-kit.ts'

/** Limits before expensive work, and what a flood of strangers leaves behind: nothing. */
let device: TestDevice
let queues: Awaited<ReturnType<typeof recordQueues>>
beforeAll(async () => {
  queues = await recordQueues()
  device = await registered()
  return () => queues.restore()
})

const limiter = (success: boolean, keys: string[] = []) =>
  ({
    limit: async ({ key }: { key: string }) => {
      keys.push(key)
      return { success }
    },
  }) as unknown as RateLimit

it('an address that asks too often is told to wait, and for how long', async () => {
  const { quota, windowS } = RATE_POLICIES.address
  const key = '192.0.2.1'
  expect((await fetchFrom(key, '/healthz')).status).toBe(200)
  // The binding itself is used up, many calls at a time: on a slow machine the requests would spread over two windows.
  const useUp = async () => {
    while ((await bindings.ADDRESS_RATE.limit({ key })).success);
  }
  let first: Response
  do {
    await Promise.all(Array.from({ length: 20 }, useUp))
    first = await fetchFrom(key, '/healthz')
  } while (first.status !== 429)
  expect(Number(first.headers.get('retry-after'))).toBe(windowS)
  // draft-ietf-httpapi-ratelimit-headers-10: Structured Fields, a list of named policies with integer parameters.
  expect(first.headers.get('ratelimit-policy')).toBe(`"address";q=${quota};w=${windowS}`)
  expect(first.headers.get('ratelimit')).toBe(`"address";r=0;t=${windowS}`)
  await expectRefusal(first, 'rate_limited')
  expect((await fetchFrom('192.0.2.2', '/healthz')).status).toBe(200)
})

it('comes before anything of the request is read, on every route', async () => {
  const touched: string[] = []
  const untouchable = new Proxy({}, { get: (_, name) => touched.push(String(name)) })
  const over = { ADDRESS_RATE: limiter(false), DB: untouchable, DEVICE: untouchable, EDGE_KEYS: '' } as object
  const headers = { 'cf-connecting-ip': '192.0.2.9', authorization: 'Bearer x.y.z', 'content-type': BUNDLE_MEDIA_TYPE }
  for (const [method, path] of [
    ['POST', '/offline/push'],
    ['GET', '/offline/notice'],
    ['POST', '/offline/devices'],
    ['POST', '/internal/outcomes'],
    ['GET', '/metrics'],
    ['GET', '/readyz'],
    ['GET', '/nowhere'],
  ] as const) {
    const body = new ReadableStream({ pull: () => void touched.push(`body of ${path}`) }, { highWaterMark: 0 })
    const init = { method, headers, ...(method === 'POST' && { body, duplex: 'half' }) } as RequestInit
    await expectRefusal(await fetchWith(over, path, init), 'rate_limited', path)
  }
  expect(touched).toEqual([])
})

it('a limiter that does not answer lets everybody pass: it must not stop payments', async () => {
  const broken = { limit: () => Promise.reject(new Error('no limiter')) } as unknown as RateLimit
  const headers = { 'cf-connecting-ip': '192.0.2.9' }
  expect((await fetchWith({ ADDRESS_RATE: broken } as object, '/healthz', { headers })).status).toBe(200)
})

it('without Cloudflare in front there is no address, and no limit', async () => {
  const keys: string[] = []
  await fetchWith({ ADDRESS_RATE: limiter(false, keys) } as object, '/healthz', {})
  expect(keys).toEqual([])
})

describe('what an address is counted under', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s → %s', (address, key) => {
    expect(addressKey(new Headers({ 'cf-connecting-ip': address }))).toBe(key)
  })

  it('a text that is no address has a bounded key', () => {
    for (const odd of ['x'.repeat(5000), ':'.repeat(5000), '1:'.repeat(2000), '::::::']) {
      expect(addressKey(new Headers({ 'cf-connecting-ip': odd }))?.length).toBeLessThan(50)
    }
  })
})

it('a device that pushes too often is told so after its signature held', async () => {
  const keys: string[] = []
  const over = { PUSH_RATE: limiter(false, keys) } as object
  const own = await registered()
  const { bundle } = await own.bundle([own.payment()], await keySet())
  const answer = await fetchWith(over, '/offline/push', pushInit(bundle) as RequestInit)
  expect(answer.headers.get('retry-after')).toBe('60')
  expect(answer.headers.get('ratelimit-policy')).toBe('"device";q=60;w=60')
  expect(answer.headers.get('ratelimit')).toBe('"device";r=0;t=60')
  await expectRefusal(answer, 'rate_limited')
  expect(keys).toEqual([own.id])
  // Nobody can use up a device's quota for it.
  const forged = bundle.slice()
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  await expectRefusal(await fetchWith(over, '/offline/push', pushInit(forged) as RequestInit), 'invalid_signature')
  expect(keys).toEqual([own.id])
})

it('who carries a bundle of a device may push it as often as he will: the device’s own pushes are not counted with it', async () => {
  const left = new Map<string, number>()
  const quota = {
    limit: async ({ key }: { key: string }) => {
      left.set(key, (left.get(key) ?? 2) - 1)
      return { success: (left.get(key) ?? 0) >= 0 }
    },
  }
  const pushWith = (bundle: Uint8Array) =>
    fetchWith({ PUSH_RATE: quota } as object, '/offline/push', pushInit(bundle) as RequestInit)
  const own = await registered()
  const carried = await own.bundle([own.payment()], await keySet(), { relay: true })
  const statuses = []
  for (let n = 0; n < 4; n++) statuses.push((await pushWith(carried.bundle)).status)
  expect(statuses).toEqual([200, 200, 429, 429])
  // The same bundle, signed anew for a push of its own, and the next one.
  expect((await pushWith((await own.resign(carried, { relay: false })).bundle)).status).toBe(200)
  const { bundle } = await own.bundle([own.payment()], await keySet())
  expect((await pushWith(bundle)).status).toBe(200)
  expect((await pushWith(bundle)).status).toBe(429)
})

it('a flood of strangers writes nothing: not in D1, not in an object, not in a queue', async () => {
  const keys = await keySet()
  const stranger = await TestDevice.create()
  const imposter = Object.assign(await TestDevice.create(), { id: device.id })
  const bodies = [
    (await stranger.bundle([stranger.payment()], keys)).bundle,
    (await imposter.bundle([imposter.payment()], keys)).bundle,
    new Uint8Array([1, 2, 3]),
    new Uint8Array(70_000),
  ]
  const tokens = await badTokens(await tokenKeys(), {
    issuer: bindings.OIDC_ISSUER,
    audience: bindings.OIDC_AUDIENCE,
    nowMs: Date.now(),
  })
  const left = async () => [
    ...[await dumpDurable(), await dumpObject(device), await dumpObject(stranger)],
    ...[queues.settle.length, queues.index.length],
  ]
  // What is owed would be sent again meanwhile.
  await recordAll(device, queues)
  const before = await left()
  const bearer = (at: number) => ({ authorization: `Bearer ${tokens[at % tokens.length]?.token}` })
  const proof = await imposter.proof('GET', `${ORIGIN}/offline/notice`)
  const statuses = new Set<number>()
  for (let n = 0; n < 300; n++) {
    const requests = [
      SELF.fetch(`${ORIGIN}/offline/push`, pushInit(bodies[n % bodies.length] ?? '') as RequestInit),
      SELF.fetch(`${ORIGIN}/offline/notice`, { headers: { authorization: `Molam-Device ${proof}` } }),
      SELF.fetch(`${ORIGIN}/offline/devices`, { method: 'POST', headers: bearer(n), body: '{}' }),
      SELF.fetch(`${ORIGIN}/offline/bundles/01ARZ3NDEKTSV4RRFFQ69G5FAV`, { headers: bearer(n + 7) }),
      SELF.fetch(`${ORIGIN}/internal/outcomes`, { method: 'POST', body: new Uint8Array(10) }),
      SELF.fetch(`${ORIGIN}/metrics`, { headers: bearer(n + 3) }),
      SELF.fetch(`${ORIGIN}/readyz`),
      SELF.fetch(`${ORIGIN}/nowhere/${n}`),
    ]
    for (const answer of await Promise.all(requests)) {
      statuses.add(answer.status)
      await answer.body?.cancel()
    }
  }
  // 503 is `/readyz`, which finds a recorder where the queues were.
  expect([...statuses].sort()).toEqual([400, 401, 404, 413, 503])
  expect(await left()).toEqual(before)
})
