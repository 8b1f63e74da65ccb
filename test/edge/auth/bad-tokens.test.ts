import { beforeAll, expect, it, vi } from 'vitest'
import { rolesAllow } from '../../../src/edge/auth/person.ts'
import { badTokens, goodClaims, goodToken, type Meant, type TokenKeys, tokenKeys } from '../../attacks/inputs/tokens.ts'
import { TestIsolate } from './kit.ts'

/** The corpus of bad tokens against the verification itself; test/edge/auth sends it through the Worker. */
const meant: Meant = { issuer: 'https://issuer.test', audience: 'molam-offline', nowMs: Date.now() }
let keys: TokenKeys

beforeAll(async () => {
  keys = await tokenKeys()
  vi.stubGlobal('fetch', async () => Response.json(keys.jwks))
  return () => vi.unstubAllGlobals()
})

const isolate = () => new TestIsolate({ ...meant, jwksUrl: 'https://issuer.test/jwks' })

it.each(['es256', 'rs256', 'ed25519'] as const)(
  'the corpus is made of what is taken when nothing is wrong: %s',
  async (alg) => {
    expect(await isolate().person(await goodToken(keys, meant, alg))).toMatchObject({ ok: true })
  },
)

it('every bad token is refused, and stores nothing', async () => {
  const asked = isolate()
  const corpus = await badTokens(keys, meant)
  expect(corpus.length).toBeGreaterThanOrEqual(45)
  expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length)
  const taken: string[] = []
  for (const { name, token, code } of corpus) {
    const person = await asked.person(token)
    const mayRegister =
      person.ok && rolesAllow(person.value, ['pay_admin']) && (person.value.tenant ?? 'molam') === 'molam'
    if (mayRegister || (!person.ok && person.error.code !== code)) {
      taken.push(`${name}: ${person.ok ? 'taken' : person.error.code} instead of ${code}`)
    }
  }
  expect(taken).toEqual([])
})

it.each([
  ['exp', -31, 'refused'],
  ['exp', -29, 'taken'],
  ['nbf', 31, 'refused'],
  ['nbf', 29, 'taken'],
  ['iat', 31, 'refused'],
  ['iat', 29, 'taken'],
  ['iat', -86_400 - 31, 'refused'],
  ['iat', -86_400 - 29, 'taken'],
] as const)('a token whose %s is %i s from now is %s', async (claim, offsetS, end) => {
  const now = Math.floor(meant.nowMs / 1000)
  const at = { [claim]: now + offsetS, ...(claim === 'exp' && { iat: now - 100 }) }
  const asked = isolate()
  asked.nowMs = now * 1000
  const person = await asked.person(await goodToken(keys, meant, 'es256', at))
  expect(person.ok).toBe(end === 'taken')
})

it('one of several audiences may be ours', async () => {
  const token = await goodToken(keys, meant, 'rs256', { aud: ['somebody', meant.audience] })
  expect(await isolate().person(token)).toMatchObject({ ok: true })
})

it.each([
  ['no header', {}],
  ['another scheme', { authorization: 'Basic b3BzOm9wcw==' }],
  ['no token', { authorization: 'Bearer' }],
  ['an empty token', { authorization: 'Bearer ' }],
  ['two tokens in one header', { authorization: 'Bearer a.b.c Bearer a.b.c' }],
  ['two headers', { authorization: 'Bearer a.b.c, Bearer a.b.c' }],
])('a request with %s is nobody', async (_, headers) => {
  expect(await isolate().ask(headers as Record<string, string>)).toEqual({ ok: false, error: { code: 'unauthorized' } })
})

it('the scheme is written in any case (RFC 9110 §11.1)', async () => {
  expect(await isolate().ask({ authorization: `bearer ${await goodToken(keys, meant)}` })).toMatchObject({ ok: true })
})

it('claims that a person could be mistaken by are read from the signed bytes alone', async () => {
  const claims = goodClaims(meant)
  expect(Object.keys(claims)).toEqual(['iss', 'aud', 'sub', 'iat', 'exp', 'roles'])
})
