import { beforeAll, describe, expect, it } from 'vitest'
import { type Queues, recordQueues } from '../../durable-objects/device/kit.ts'
import { expectRefusal, fetchWith, keySet, ORIGIN, pushInit, receiptOf, registered, SELF } from '../kit.ts'

/** POS web apps that are served from other origins may call what devices call. */
const SHOP = 'https://pos.shop.test'
const settings = { CORS_ORIGINS: `${SHOP}, https://till.test:8443` } as object
const PATHS = ['/offline/push', '/offline/notice', '/offline/keys', '/offline/enrol']
let queues: Queues & { restore: () => void }
beforeAll(async () => {
  queues = await recordQueues()
  return () => queues.restore()
})

const ask = (path: string, init: RequestInit, origin = SHOP, over = settings) =>
  fetchWith(over, path, { ...init, headers: { ...(init.headers as object), origin } })
const preflight = (path: string, origin = SHOP, over = settings) =>
  ask(
    path,
    {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers':
          'authorization,content-type,molam-cursor,molam-keys-version,molam-policy-version',
      },
    },
    origin,
    over,
  )
const allowed = (response: Response) => response.headers.get('access-control-allow-origin')
const listed = (response: Response, header: string) =>
  (response.headers.get(`access-control-${header}`) ?? '').toLowerCase().split(',').toSorted()

describe('an origin that is configured', () => {
  it.each(PATHS)('may call %s: the browser is told which methods and headers, and keeps it', async (path) => {
    const response = await preflight(path)
    expect([response.status, await response.text(), allowed(response)]).toEqual([204, '', SHOP])
    expect(listed(response, 'allow-methods')).toEqual(['get', 'post'])
    const sent = ['authorization', 'content-type', 'molam-cursor', 'molam-policy-version', 'molam-keys-version']
    expect(listed(response, 'allow-headers')).toEqual(expect.arrayContaining([...sent, 'molam-carrier']))
    expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(600)
    expect(response.headers.get('vary')).toContain('Origin')
    expect(response.headers.has('access-control-allow-credentials')).toBe(false)
  })

  it('gets its receipt', async () => {
    const device = await registered()
    const made = await device.bundle([device.payment()], await keySet())
    const response = await ask('/offline/push', pushInit(made.bundle))
    expect(allowed(response)).toBe(SHOP)
    expect(response.headers.get('vary')).toContain('Origin')
    expect((await receiptOf(response)).receipt.deviceId).toBe(device.id)
  })

  it('can read a refusal, and when to come again', async () => {
    const response = await ask('/offline/push', pushInit(new Uint8Array([1])))
    expect(allowed(response)).toBe(SHOP)
    await expectRefusal(response, 'malformed_bundle')
    const never = { ...settings, ADDRESS_RATE: { limit: async () => ({ success: false }) } }
    const headers = { 'cf-connecting-ip': '192.0.2.7' }
    const limited = await ask('/offline/keys', { headers }, SHOP, never)
    expect([limited.status, allowed(limited)]).toEqual([429, SHOP])
    expect(limited.headers.has('retry-after')).toBe(true)
    expect(listed(limited, 'expose-headers')).toEqual(
      ['molam-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after'].toSorted(),
    )
  })

  it('may be any of several', async () => {
    expect(allowed(await preflight('/offline/push', 'https://till.test:8443'))).toBe('https://till.test:8443')
  })
})

describe('nobody else', () => {
  it.each([
    'https://evil.test',
    'http://pos.shop.test',
    'https://pos.shop.test:444',
    'https://x.pos.shop.test',
    'null',
    '*',
  ])('%s is not allowed', async (origin) => {
    for (const response of [
      await preflight('/offline/push', origin),
      await ask('/offline/keys', {}, origin),
      await ask('/offline/push', pushInit(new Uint8Array([1])), origin),
    ]) {
      expect(allowed(response)).toBeNull()
    }
  })
  it('is told by default that there is no such method, and gets no permission', async () => {
    for (const path of PATHS) {
      const response = await SELF.fetch(ORIGIN + path, { method: 'OPTIONS', headers: { origin: SHOP } })
      expect([response.status, allowed(response)]).toEqual([405, null])
    }
    expect(allowed(await SELF.fetch(`${ORIGIN}/offline/keys`, { headers: { origin: SHOP } }))).toBeNull()
  })
  it('calls the routes of people, of services, or of operators from another origin', async () => {
    for (const path of ['/offline/devices', '/offline/policies', '/offline/audit', '/internal/outcomes', '/metrics']) {
      const response = await preflight(path)
      expect([path, response.status, allowed(response)]).toEqual([path, 405, null])
    }
  })
})

it('a preflight touches nothing that is stored, and counts towards the limit of its address', async () => {
  const touched: string[] = []
  const untouchable = new Proxy({}, { get: (_, name) => touched.push(String(name)) })
  const nothing = { ...settings, DB: untouchable, DEVICE: untouchable, PUSH_RATE: untouchable }
  expect((await preflight('/offline/push', SHOP, nothing)).status).toBe(204)
  expect(touched).toEqual([])
  const keys: string[] = []
  const limit = async ({ key }: { key: string }) => ({ success: keys.push(key) < 2 })
  const over = { ...nothing, ADDRESS_RATE: { limit } }
  const headers = { 'cf-connecting-ip': '192.0.2.8' }
  const statuses = []
  for (let i = 0; i < 2; i++) {
    statuses.push((await ask('/offline/push', { method: 'OPTIONS', headers }, SHOP, over)).status)
  }
  expect([statuses, keys]).toEqual([
    [204, 429],
    ['192.0.2.8', '192.0.2.8'],
  ])
})

it.each(['*', 'pos.shop.test', 'https://pos.shop.test/', 'https://pos.shop.test/app', `${SHOP},`, 'https://a b'])(
  'CORS_ORIGINS “%s” is a fault in the settings',
  async (origins) => {
    const response = await preflight('/offline/push', SHOP, { CORS_ORIGINS: origins } as object)
    expect([response.status, allowed(response)]).toEqual([503, null])
  },
)

it('in production an origin without TLS is a fault in the settings', async () => {
  const over = { ENVIRONMENT: 'production', CORS_ORIGINS: 'http://pos.shop.test' } as object
  expect((await preflight('/offline/push', 'http://pos.shop.test', over)).status).toBe(503)
  expect((await preflight('/offline/push', SHOP, { ...over, CORS_ORIGINS: SHOP })).status).toBe(204)
})
