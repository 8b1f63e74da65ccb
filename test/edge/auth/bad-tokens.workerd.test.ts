import { beforeAll, expect, it } from 'vitest'
import { badTokens, goodToken, type TokenKeys, tokenKeys } from '../../attacks/inputs/tokens.ts'
import { TestDevice } from '../../kit/device.ts'
import { bindings, expectRefusal, fetchWith, registration } from '../kit.ts'
import { dumpDurable, publishing } from './people-kit.ts'

/** The corpus of bad tokens, each with a request that would register a device if the token were good. */
let keys: TokenKeys
let device: TestDevice
let body: string

beforeAll(async () => {
  keys = await tokenKeys()
  device = await TestDevice.create()
  body = JSON.stringify(await registration(device))
})

const meant = () => ({ issuer: bindings.OIDC_ISSUER, audience: bindings.OIDC_AUDIENCE, nowMs: Date.now() })
const register = (token: string, settings: object = publishing(keys.jwks)) =>
  fetchWith(settings, '/offline/devices', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  })

it('every bad token gets its 401 or 403, and nothing is written', async () => {
  const before = await dumpDurable()
  const corpus = await badTokens(keys, meant())
  expect(corpus.length).toBeGreaterThanOrEqual(45)
  const ask = async (wanted: string) => {
    for (const { name, token, code } of corpus) {
      if (code === wanted) await expectRefusal(await register(token), code, name)
    }
  }
  await ask('unauthorized')
  expect(await dumpDurable()).toBe(before)
  await ask('forbidden')
  const identity = await bindings.DEVICE.get(bindings.DEVICE.idFromName(device.id)).identity()
  expect(identity).toMatchObject({ error: 'not_found' })
  // Those who are forbidden were verified: the issuer's keys are known for good from now on, and requests counted.
  const own = (dump: string) =>
    (JSON.parse(dump) as [string, unknown][]).filter(([table]) => !/issuer_keys|metric_rows/.test(table))
  expect(own(await dumpDurable())).toEqual(own(before))
})

it('while the issuer is away each of them, and a good one, gets a 503 or its 401', async () => {
  const away = { OIDC_JWKS_URL: 'https://away.test/jwks' }
  await expectRefusal(await register(await goodToken(keys, meant()), away), 'temporarily_unavailable')
  for (const { name, token } of await badTokens(keys, meant())) {
    expect([401, 503], name).toContain((await register(token, away)).status)
  }
})

it('the good one is taken', async () => {
  expect((await register(await goodToken(keys, meant(), 'ed25519'))).status).toBe(201)
})
