import { beforeAll, describe, expect, it, vi } from 'vitest'
import { accessPerson } from '../../../src/edge/auth/claims.ts'
import { goodToken, type Meant, type TokenKeys, tokenKeys } from '../../attacks/inputs/tokens.ts'
import { GROUPS, TestIsolate } from './kit.ts'

/** Cloudflare Access in front: its header, its cookie, its groups. */
const meant: Meant = { issuer: 'https://team.cloudflareaccess.com', audience: 'a'.repeat(64), nowMs: Date.now() }
let keys: TokenKeys

beforeAll(async () => {
  keys = await tokenKeys()
  vi.stubGlobal('fetch', async () => Response.json({ ...keys.jwks, public_cert: {}, public_certs: [] }))
  return () => vi.unstubAllGlobals()
})

const isolate = () => new TestIsolate({ ...meant, jwksUrl: `${meant.issuer}/cdn-cgi/access/certs` })
/** As Access makes them. */
const token = (over: Record<string, unknown> = {}) =>
  goodToken(keys, meant, 'rs256', {
    aud: [meant.audience],
    email: 'awa@molam.example',
    type: 'app',
    identity_nonce: 'n',
    country: 'SN',
    custom: { groups: ['ops', 'everybody'] },
    roles: undefined,
    ...over,
  })
const PERSON = { ok: true, value: { subject: 'access:ops-1', roles: ['pay_admin'], tenant: undefined } }
const refused = (code: string) => ({ ok: false, error: { code } })

it('its header names a person, whose groups are mapped to roles', async () => {
  expect(await isolate().ask({ 'cf-access-jwt-assertion': await token() })).toEqual(PERSON)
})

it('its cookie does too', async () => {
  expect(await isolate().ask({ cookie: `theme=dark; CF_Authorization=${await token()}` })).toEqual(PERSON)
})

it('two of its cookies name nobody', async () => {
  const cookie = `CF_Authorization=${await token()}; CF_Authorization=${await token()}`
  expect(await isolate().ask({ cookie })).toEqual(refused('unauthorized'))
})

it('a bad bearer token is not rescued by a good cookie', async () => {
  const headers = { authorization: 'Bearer x.y.z', cookie: `CF_Authorization=${await token()}` }
  expect(await isolate().ask(headers)).toEqual(refused('unauthorized'))
  expect(await isolate().ask({ ...headers, authorization: 'Basic b3BzOm9wcw==' })).toEqual(refused('unauthorized'))
})

it("a token of Access is not taken as a bearer token of the other issuer's", async () => {
  const asked = isolate()
  const oidc = { ...asked.settings.oidc, issuer: 'https://issuer.test' }
  Object.assign(asked.settings, { oidc })
  expect(await asked.person(await token({ roles: ['pay_admin'] }))).toEqual(refused('unauthorized'))
})

it('where it is not set up, nobody comes in by it', async () => {
  const asked = isolate()
  Object.assign(asked.settings, { access: undefined })
  expect(await asked.ask({ 'cf-access-jwt-assertion': await token() })).toEqual(refused('unauthorized'))
})

it.each([
  ['another application', { aud: ['b'.repeat(64)] }, 'unauthorized'],
  ["the team's own session", { type: 'org' }, 'unauthorized'],
  ['a service token, which is no person', { sub: '', common_name: 'ci' }, 'unauthorized'],
  ['groups that are no names', { custom: { groups: [1] } }, 'unauthorized'],
  ['nobody we know', { custom: { groups: ['everybody'] } }, 'forbidden'],
  ['no groups', { custom: {} }, 'forbidden'],
  ['roles that it says itself', { custom: {}, roles: ['pay_admin'] }, 'forbidden'],
  ['a group called like a property', { custom: { groups: ['constructor', '__proto__'] } }, 'forbidden'],
])('a token for %s is refused', async (_, over, code) => {
  expect(await isolate().ask({ 'cf-access-jwt-assertion': await token(over) })).toEqual(refused(code))
})

describe('where our own issuer’s subject is a claim', () => {
  const where = { ...GROUPS, subjectClaim: 'custom.employee' }
  const claims = (custom: object) => ({
    sub: 'a-number-of-access',
    type: 'app',
    custom: { groups: ['ops'], ...custom },
  })

  it('a person is the same as by that issuer, and votes once', () => {
    expect(accessPerson(claims({ employee: 'ops-1' }), where)).toMatchObject({ value: { subject: 'ops-1' } })
  })

  it.each([{}, { employee: '' }, { employee: 7 }])('%o is nobody', (custom) => {
    expect(accessPerson(claims(custom), where)).toEqual(refused('unauthorized'))
  })
})

describe('where the tenant is a claim', () => {
  const where = { ...GROUPS, tenantClaim: 'custom.tenant' }
  const claims = (custom: object) => ({ sub: 'ops-1', type: 'app', custom: { groups: ['ops'], ...custom } })

  it('a person sees that one', () => {
    expect(accessPerson(claims({ tenant: 'molam' }), where)).toMatchObject({ value: { tenant: 'molam' } })
  })

  it.each([{}, { tenant: '' }, { tenant: null }, { tenant: ['molam'] }])('%o does not open all of them', (custom) => {
    expect(accessPerson(claims(custom), where)).toEqual(refused('unauthorized'))
  })
})

describe('a write that another site makes a browser send', () => {
  it.each([
    [{ origin: 'https://evil.test' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
  ])('is refused: %o', async (headers) => {
    const access = { 'cf-access-jwt-assertion': await token(), ...headers } as Record<string, string>
    expect(await isolate().ask(access, 'POST')).toEqual(refused('forbidden'))
    expect(await isolate().ask(access, 'GET')).toEqual(PERSON)
  })

  it.each([[{}], [{ origin: 'https://edge.test', 'sec-fetch-site': 'same-origin' }]])(
    'is told from one of ours: %o',
    async (headers) => {
      const access = { 'cf-access-jwt-assertion': await token(), ...headers } as Record<string, string>
      expect(await isolate().ask(access, 'POST')).toEqual(PERSON)
    },
  )
})
