import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { logger, maskText } from '../../../src/edge/log.ts'
import { recordQueues } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { asPerson, bindings, fetchWith, keySet, ORIGIN, push, pushed, registered, SELF, token } from '../kit.ts'
import { recordLog } from './people-kit.ts'

/** One line a request, and nothing personal in any line. */
let log: ReturnType<typeof recordLog>
let queues: Awaited<ReturnType<typeof recordQueues>>
let device: TestDevice
beforeAll(async () => {
  queues = await recordQueues()
  device = await registered()
  log = recordLog()
})
afterAll(() => {
  log.restore()
  queues.restore()
})
beforeEach(() => {
  log.lines()
})

const requests = () => log.lines().filter(({ message }) => message === 'request')

it('a request has one line: id, route, method, status, time', async () => {
  const response = await SELF.fetch(`${ORIGIN}/healthz?secret=W-SECRET`)
  expect(requests()).toEqual([
    {
      level: 'info',
      message: 'request',
      requestId: response.headers.get('molam-request-id'),
      route: '/healthz',
      method: 'GET',
      status: 200,
      ms: expect.any(Number),
    },
  ])
})

it('a refusal has its code', async () => {
  await push(new Uint8Array([1]))
  expect(requests()).toMatchObject([{ route: '/offline/push', status: 400, code: 'malformed_bundle' }])
})

it('a device is named once its signature held, and not before', async () => {
  const keys = await keySet()
  const made = await device.bundle([device.payment()], keys)
  await pushed(made.bundle)
  const forged = made.bundle.slice()
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  await push(forged)
  const proof = await device.proof('GET', `${ORIGIN}/offline/notice`)
  await SELF.fetch(`${ORIGIN}/offline/notice`, { headers: { authorization: `Molam-Device ${proof}` } })
  await SELF.fetch(`${ORIGIN}/offline/notice`, { headers: { authorization: `Molam-Device ${proof.slice(0, -4)}AAAA` } })
  const lines = requests().filter(({ route }) => route !== '/offline/keys')
  expect(lines.map(({ route, status, deviceId }) => [route, status, deviceId])).toEqual([
    ['/offline/push', 200, device.id],
    ['/offline/push', 401, undefined],
    ['/offline/notice', 200, device.id],
    ['/offline/notice', 401, undefined],
  ])
})

it('a path is the sender’s text and does not get in: its pattern does', async () => {
  await asPerson('GET', '/offline/devices/221770001122')
  await SELF.fetch(`${ORIGIN}/offline/W-221770001122`)
  const lines = requests()
  expect(JSON.stringify(lines)).not.toContain('221770001122')
  expect(lines[0]?.['route']).toMatch(/^\/offline\/devices\/[:{]/)
  expect(lines[1]).toMatchObject({ status: 404, code: 'not_found' })
})

it('something that breaks has the id of its request, and a message without what it was about', async () => {
  const DB = {
    prepare: () => {
      throw new Error(`UNIQUE failed for 'W-AWA-77' and +221 77 000 11 22, token ${'eyJhbGciOi'.repeat(9)}`)
    },
  }
  const headers = { authorization: `Bearer ${await token(['pay_admin'])}` }
  const response = await fetchWith({ DB } as object, '/metrics', { headers })
  expect(response.status).toBe(500)
  const lines = log.lines()
  expect(lines.map(({ message }) => message)).toEqual(['request failed', 'request'])
  expect(new Set(lines.map(({ requestId }) => requestId))).toEqual(new Set([response.headers.get('molam-request-id')]))
  // Without the random id, in which any three digits may stand.
  const text = JSON.stringify(lines.map(({ requestId: _, ...line }) => line))
  expect(text).toContain('UNIQUE failed for')
  expect(text).not.toMatch(/AWA|221|eyJ/)
})

it('no wallet, token or body ever reaches the log, whatever is sent', async () => {
  const keys = await keySet()
  const bearer = await token(['pay_admin'], { email: 'awa@molam.example' })
  const own = await registered()
  const body = await own.bundle([own.payment({ sender: 'W-FATOU' as never, receiver: own.ownerWallet })], keys)
  await pushed(body.bundle)
  await push(JSON.stringify({ bundle: 'W-FATOU' }), { 'content-type': 'application/json' })
  await push('{"W-FATOU":', { 'content-type': 'application/json' })
  const authorized = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
  for (const text of ['{"owner_wallet":"W-FATOU"', '{"owner_wallet":"W-FATOU"}', '"+221770001122"']) {
    await SELF.fetch(`${ORIGIN}/offline/devices`, { method: 'POST', headers: authorized, body: text })
  }
  await SELF.fetch(`${ORIGIN}/offline/bundles/W-FATOU?device_id=W-FATOU`, { headers: authorized })
  await SELF.fetch(`${ORIGIN}/offline/policies`, { headers: { authorization: `Bearer ${bearer}x` } })
  await fetchWith({ OIDC_JWKS_URL: 'https://away.test/jwks' }, '/offline/policies', { headers: authorized })
  const text = JSON.stringify(log.lines())
  expect(text).toContain('"message":"request"')
  for (const secret of [
    ...['FATOU', own.ownerWallet, 'W-CUSTOMER', '221770001122', 'awa@', bearer, bearer.slice(0, 30)],
    ...[bindings.KEY_WRAPPING_SECRET, bindings.INTERNAL_HMAC_KEY, bindings.STORED_MAC_SECRET],
    bindings.ENROLMENT_CODE_KEY,
  ]) {
    expect(text.includes(secret), secret).toBe(false)
  }
})

it.each([
  [`Unexpected token 'W', "W-FATOU" is not valid JSON`, `Unexpected token "…", "…" is not valid JSON`],
  ['no answer within 2000 ms', 'no answer within … ms'],
  ['D1_ERROR: no such table: offline_devices: SQLITE_ERROR', 'D1_ERROR: no such table: offline_devices: SQLITE_ERROR'],
  ['sent to awa1234@molam.example', 'sent to …'],
  ['+221770001122 is taken', '… is taken'],
  ['call 77 000 11 22 now', 'call … now'],
  ["an open quote 'W-FATOU and on", 'an open quote "…"'],
])('%s is masked', (message, masked) => {
  expect(maskText(message)).toBe(masked)
})

it('an error that is logged as a value is masked too, at any place', () => {
  logger.warn('kept', { error: new Error('bad "W-FATOU"'), more: { error: new Error('bad "W-FATOU"') } })
  expect(JSON.stringify(log.lines())).not.toContain('FATOU')
})
