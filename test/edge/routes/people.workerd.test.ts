import { importJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toBase64url, toHex, utf8 } from '../../../src/protocol/bytes.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { deliverIndex, recordQueues, tellReadModel } from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import {
  asPerson,
  bindings,
  expectRefusal,
  fetchWith,
  keySet,
  ORIGIN,
  pushed,
  registered,
  SELF,
  token,
} from '../kit.ts'

/** Who may read, and what a bundle shows. */
let queues: Awaited<ReturnType<typeof recordQueues>>
let device: TestDevice
let made: Made
let path: string

beforeAll(async () => {
  queues = await recordQueues()
  device = await registered()
  made = await device.bundle([device.payment(), device.payment({ method: 'ussd' })], await keySet())
  await pushed(made.bundle)
  await tellReadModel(device)
  await deliverIndex(queues)
  path = `/offline/bundles/${ulidText(made.header.bundleId)}`
})
afterAll(() => queues.restore())

const get = (bearer: string, to = path) => SELF.fetch(ORIGIN + to, { headers: { authorization: bearer } })

describe('GET /offline/bundles/:bundle_id', () => {
  it('shows counts, decisions and the very bytes of bundle and receipt, and no party', async () => {
    const response = await get(`Bearer ${await token(['pay_auditor'])}`)
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({
      device_id: device.id,
      seq: 1,
      status: 'pushed',
      digest: toHex(made.digest),
      admitted_count: 2,
      admitted_amount: 5000,
      payments: [
        { local_id: `${device.id}/1`, status: 'pending' },
        { local_id: `${device.id}/2`, status: 'pending' },
      ],
      bundle: toBase64url(made.bundle),
    })
    for (const wallet of [device.ownerWallet, 'W-CUSTOMER']) expect(text).not.toContain(wallet)
  })

  it('what does not exist, or is no ULID, or belongs to another tenant, is not found', async () => {
    const admin = `Bearer ${await token(['pay_admin'])}`
    for (const id of ['01ARZ3NDEKTSV4RRFFQ69G5FAV', 'x', '8ZZZZZZZZZZZZZZZZZZZZZZZZZ', "'--"]) {
      await expectRefusal(await get(admin, `/offline/bundles/${encodeURIComponent(id)}`), 'not_found', id)
    }
    await expectRefusal(await get(`Bearer ${await token(['pay_admin'], { tenant: 'other' })}`), 'not_found')
    expect((await get(`Bearer ${await token(['pay_reviewer'], { tenant: 'molam' })}`)).status).toBe(200)
  })

  it('an id that two devices chose asks which one is meant', async () => {
    const other = await registered()
    const same = await other.bundle([other.payment()], await keySet(), { bundleId: made.header.bundleId })
    await pushed(same.bundle)
    await tellReadModel(other)
    await deliverIndex(queues)
    const admin = `Bearer ${await token(['pay_admin'])}`
    await expectRefusal(await get(admin), 'invalid_request')
    for (const { id } of [device, other]) {
      expect(await (await get(admin, `${path}?device_id=${id}`)).json()).toMatchObject({ device_id: id })
    }
  })
})

describe('tokens', () => {
  const claims = { roles: ['pay_admin'] }
  const signed = async (over: {
    header?: Partial<JWTHeaderParameters>
    claims?: Record<string, unknown>
    issuer?: string
    audience?: string
    expires?: number
    key?: Parameters<SignJWT['sign']>[0]
  }) => {
    const issuerKey = await importJWK(JSON.parse(bindings.TEST_ISSUER_KEY), 'ES256')
    return new SignJWT(over.claims ?? { ...claims, sub: 'ops-1' })
      .setProtectedHeader({ alg: 'ES256', kid: 'test', ...over.header })
      .setIssuer(over.issuer ?? bindings.OIDC_ISSUER)
      .setAudience(over.audience ?? bindings.OIDC_AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(over.expires ?? Math.floor(Date.now() / 1000) + 300)
      .sign(over.key ?? issuerKey)
  }
  const publicJwk = () => {
    const { d: _, ...jwk } = JSON.parse(bindings.TEST_ISSUER_KEY) as Record<string, string>
    return JSON.stringify(jwk)
  }
  const unsigned = () => {
    const now = Math.floor(Date.now() / 1000)
    const body = { ...claims, sub: 'ops-1', iss: bindings.OIDC_ISSUER, aud: bindings.OIDC_AUDIENCE, exp: now + 300 }
    return `${toBase64url(utf8('{"alg":"none"}'))}.${toBase64url(utf8(JSON.stringify(body)))}.`
  }
  const past = () => Math.floor(Date.now() / 1000) - 120

  const bad: [string, () => Promise<string>][] = [
    ['another issuer', () => signed({ issuer: 'https://evil.test' })],
    ['another audience', () => signed({ audience: 'another-app' })],
    ['an expiry of two minutes ago', () => signed({ expires: past() })],
    ['no subject', () => signed({ claims })],
    ['no roles', () => signed({ claims: { sub: 'ops-1' } })],
    ['alg none', async () => unsigned()],
    ['HS256 with the public key as its secret', () => signed({ header: { alg: 'HS256' }, key: utf8(publicJwk()) })],
    [
      'a key that the issuer does not have',
      async () => {
        const pair = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
          'sign',
        ])) as CryptoKeyPair
        return signed({ key: pair.privateKey })
      },
    ],
    [
      'an altered payload',
      async () => {
        const [header, , signature] = (await signed({})).split('.')
        const body = { ...claims, sub: 'root', iss: bindings.OIDC_ISSUER, aud: bindings.OIDC_AUDIENCE, exp: 2 ** 40 }
        return `${header}.${toBase64url(utf8(JSON.stringify(body)))}.${signature}`
      },
    ],
    ['nothing', async () => ''],
    ['two dots', async () => '..'],
    ['garbage', async () => 'abc.def.ghi'],
  ]
  it.each(bad)('with %s are refused', async (what, make) => {
    await expectRefusal(await get(`Bearer ${await make()}`), 'unauthorized', what)
  })

  it('the token of these tests is taken: what was refused was refused for its fault', async () => {
    expect((await get(`Bearer ${await signed({})}`, `${path}?device_id=${device.id}`)).status).toBe(200)
  })

  it('no token, or another scheme, on every route of people', async () => {
    const routes = [path, `/offline/devices/${device.id}`, '/offline/policies', '/offline/policies/SN']
    for (const route of routes) {
      await expectRefusal(await SELF.fetch(ORIGIN + route), 'unauthorized', route)
      await expectRefusal(await get('Basic b3BzOm9wcw==', route), 'unauthorized', route)
    }
    await expectRefusal(await SELF.fetch(`${ORIGIN}/offline/devices`, { method: 'POST' }), 'unauthorized')
  })

  it('a role that is not enough is forbidden, not unknown', async () => {
    await expectRefusal(await asPerson('POST', '/offline/devices', {}, ['pay_auditor']), 'forbidden')
  })

  it('while the issuer’s keys cannot be had, people are told to come again, and not that their token is bad', async () => {
    const headers = { authorization: `Bearer ${await signed({})}` }
    const down = { OIDC_JWKS_URL: 'https://down.test/jwks' }
    await expectRefusal(await fetchWith(down, path, { headers }), 'temporarily_unavailable')
  })
})
