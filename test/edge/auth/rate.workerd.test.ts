import { beforeAll, describe, expect, it } from 'vitest'
import { addressKey } from '../../../src/edge/ingest/rate-limit.ts'
import { RATE_POLICIES } from '../../../src/edge/ingest/rate-policy.ts'
import { seenHere, UNASKED } from '../../../src/edge/ingest/seen-here.ts'
import { BUNDLE_MEDIA_TYPE } from '../../../src/protocol/bundle.ts'
import { badTokens, tokenKeys } from '../../attacks/inputs/tokens.ts'
import { deliverIndex, dumpObject, recordAll, recordQueues } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { bindings, expectRefusal, fetchWith, keySet, ORIGIN, pushInit, registered, SELF } from '../kit.ts'
import { dumpDurable } from './people-kit.ts'

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
  const keys: string[] = []
  const ask = (success: boolean) =>
    fetchWith({ ADDRESS_RATE: limiter(success, keys) } as object, '/healthz', {
      headers: { 'cf-connecting-ip': '192.0.2.1' },
    })
  expect((await ask(true)).status).toBe(200)
  const refused = await ask(false)
  expect(keys).toEqual(['192.0.2.1', '192.0.2.1'])
  expect(Number(refused.headers.get('retry-after'))).toBe(windowS)
  // draft-ietf-httpapi-ratelimit-headers-10: Structured Fields, a list of named policies with integer parameters.
  expect(refused.headers.get('ratelimit-policy')).toBe(`"address";q=${quota};w=${windowS}`)
  expect(refused.headers.get('ratelimit')).toBe(`"address";r=0;t=${windowS}`)
  await expectRefusal(refused, 'rate_limited')
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
  const own = await seenOften()
  const { bundle } = await own.bundle([own.payment()], await keySet())
  const answer = await fetchWith(over, '/offline/push', pushInit(bundle) as RequestInit)
  expect(answer.headers.get('retry-after')).toBe('60')
  expect(answer.headers.get('ratelimit-policy')).toBe('"device";q=60;w=60')
  expect(answer.headers.get('ratelimit')).toBe('"device";r=0;t=60')
  await expectRefusal(answer, 'rate_limited')
  expect(keys).toEqual([`push ${own.id}`])
  // Nobody can use up a device's quota for it.
  const forged = bundle.slice()
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  await expectRefusal(await fetchWith(over, '/offline/push', pushInit(forged) as RequestInit), 'invalid_signature')
  expect(keys).toEqual([`push ${own.id}`])
})

/** A device that this isolate has seen so often that it asks the limiter. */
async function seenOften(): Promise<TestDevice> {
  const own = await registered()
  for (const what of ['push', 'relay', 'notice']) {
    for (let n = 0; n < UNASKED; n++)
      seenHere(`${n} ${what} ${own.id}`, `${what} ${own.id}`, RATE_POLICIES.device, Date.now())
  }
  return own
}

it('a device that is seldom seen is not asked about, and its bytes are known when they come again', async () => {
  const keys: string[] = []
  const asked = limiter(false, keys)
  const over = { PUSH_RATE: asked, FIRST_RATE: limiter(true), REPEAT_RATE: limiter(true) } as object
  const own = await registered()
  const post = async (bundle: Uint8Array) =>
    (await fetchWith(over, '/offline/push', pushInit(bundle) as RequestInit)).status
  const made = await own.bundle([own.payment()], await keySet())
  expect([await post(made.bundle), await post(made.bundle)]).toEqual([200, 200])
  for (let n = 2; n <= UNASKED; n++)
    expect(await post((await own.bundle([own.payment()], await keySet())).bundle)).toBe(200)
  expect(keys).toEqual([])
  expect(await post((await own.bundle([own.payment()], await keySet())).bundle)).toBe(429)
})

describe('the quota of a device', () => {
  /** Limiters that give so many to each key, and never anew. */
  function quotas(pushes: number, repeats: number) {
    const limited = (quota: number) => {
      const left = new Map<string, number>()
      return {
        limit: async ({ key }: { key: string }) => {
          left.set(key, (left.get(key) ?? quota) - 1)
          return { success: (left.get(key) ?? 0) >= 0 }
        },
      }
    }
    const over = { PUSH_RATE: limited(pushes), FIRST_RATE: limited(1), REPEAT_RATE: limited(repeats) } as object
    return {
      push: async (bundle: Uint8Array) =>
        (await fetchWith(over, '/offline/push', pushInit(bundle) as RequestInit)).status,
      notice: async (own: TestDevice) => {
        const authorization = `Molam-Device ${await own.proof('GET', `${ORIGIN}/offline/notice`)}`
        return (await fetchWith(over, '/offline/notice', { headers: { authorization } })).status
      },
    }
  }

  it('is for what it signs: the same bytes again count apart, whoever sends them', async () => {
    const { push } = quotas(2, 3)
    const own = await seenOften()
    const keys = await keySet()
    const { bundle } = await own.bundle([own.payment()], keys)
    const statuses = []
    for (let n = 0; n < 6; n++) statuses.push(await push(bundle))
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429])
    expect(await push((await own.bundle([own.payment()], keys)).bundle)).toBe(200)
    expect(await push((await own.bundle([own.payment()], keys)).bundle)).toBe(429)
  })

  it('bounds what it makes for relays, too, and those who carry it cannot use up its own pushes', async () => {
    const { push } = quotas(2, 3)
    const own = await seenOften()
    const keys = await keySet()
    const carried = () => own.bundle([own.payment()], keys, { relay: true })
    const statuses = []
    for (let n = 0; n < 4; n++) statuses.push(await push((await carried()).bundle))
    expect(statuses).toEqual([200, 200, 429, 429])
    own.seq = 5
    expect(await push((await own.bundle([own.payment()], keys)).bundle)).toBe(200)
  })

  it('leaves a device its notices when its pushes are used up', async () => {
    const { push, notice } = quotas(1, 1)
    const own = await seenOften()
    const keys = await keySet()
    for (let n = 0; n < 3; n++) await push((await own.bundle([own.payment()], keys)).bundle)
    expect(await push((await own.bundle([own.payment()], keys)).bundle)).toBe(429)
    expect([await notice(own), await notice(own)]).toEqual([200, 429])
  })

  it('is not touched by what was signed too long ago', async () => {
    const { push } = quotas(1, 1)
    const own = await seenOften()
    const keys = await keySet()
    const made = await own.bundle([own.payment()], keys, { signedAtMs: Date.now() - 3_600_000 })
    for (let n = 0; n < 3; n++) expect(await push(made.bundle)).toBe(422)
    expect(await push((await own.resign(made)).bundle)).toBe(200)
  })
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
  // What is owed would be sent again meanwhile, also what others left behind.
  queues.watch(device)
  await recordAll(device, queues)
  await deliverIndex(queues)
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
