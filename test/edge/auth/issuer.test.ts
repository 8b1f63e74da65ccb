import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ALGORITHMS } from '../../../src/edge/auth/key-set.ts'
import { KEYS_FRESH_MS, KEYS_STALE_MAX_MS, REFETCH_MS, STORE_AGAIN_MS } from '../../../src/edge/auth/limits.ts'
import { type MemoryStore, TestIsolate } from './kit.ts'
import { AUDIENCE, type OidcIssuer, startOidcIssuer } from './oidc-issuer.ts'

/** People with tokens of a real OpenID provider, and what becomes of them when it rotates its keys or goes away. */
let oidc: OidcIssuer
let isolate: TestIsolate
const newIsolate = (store?: MemoryStore) =>
  new TestIsolate({ issuer: oidc.issuer, audience: AUDIENCE, jwksUrl: oidc.jwksUrl }, store)

beforeEach(async () => {
  oidc = await startOidcIssuer()
  isolate = newIsolate()
})
afterEach(() => oidc.close())

const PERSON = { ok: true, value: { subject: 'ops-1', roles: ['pay_admin'], tenant: undefined } }
const UNAUTHORIZED = { ok: false, error: { code: 'unauthorized' } }
const UNAVAILABLE = { ok: false, error: { code: 'temporarily_unavailable', retryAfterS: 30 } }

describe.each(ALGORITHMS)('%s', (alg) => {
  it('a token of the issuer names a person, their roles and tenant', async () => {
    const token = await oidc.token(alg, { roles: ['pay_auditor', 'pay_reviewer'], tenant: 'molam' })
    expect(await isolate.person(token)).toEqual({
      ok: true,
      value: { subject: 'ops-1', roles: ['pay_auditor', 'pay_reviewer'], tenant: 'molam' },
    })
  })

  it('a token with a changed payload is refused', async () => {
    const [header, payload = '', signature] = (await oidc.token(alg, { roles: ['pay_auditor'] })).split('.')
    const forged = btoa(atob(payload).replace('pay_auditor', 'pay_admin')).replaceAll('=', '')
    expect(await isolate.person([header, forged, signature].join('.'))).toEqual(UNAUTHORIZED)
  })

  it('after a rotation new tokens are taken and old ones refused', async () => {
    const old = await oidc.token(alg)
    expect(await isolate.person(old)).toEqual(PERSON)
    await oidc.rotate()
    isolate.nowMs += REFETCH_MS
    expect(await isolate.person(await oidc.token(alg))).toEqual(PERSON)
    expect(await isolate.person(old)).toEqual(UNAUTHORIZED)
  })
})

it('keys are asked for once, not for every token', async () => {
  for (const alg of ALGORITHMS) await isolate.person(await oidc.token(alg))
  expect(oidc.asked).toBe(1)
})

it('requests that come together while nothing is known ask once and all get their answer', async () => {
  const token = await oidc.token('ES256')
  const people = await Promise.all(Array.from({ length: 50 }, () => isolate.person(token)))
  expect(people).toEqual(Array(50).fill(PERSON))
  expect(oidc.asked).toBe(1)
})

it('a key that the issuer withdrew is refused after ten minutes, also if nobody brings a new one', async () => {
  const old = await oidc.token('RS256')
  await isolate.person(old)
  await oidc.rotate()
  isolate.nowMs += KEYS_FRESH_MS - 1
  expect(await isolate.person(old)).toEqual(PERSON)
  isolate.nowMs += 1
  expect(await isolate.person(old)).toEqual(UNAUTHORIZED)
})

describe('a flood of unknown key ids', () => {
  const unknown = async (n: number) => {
    const [, payload, signature] = (await oidc.token('ES256')).split('.')
    return [btoa(JSON.stringify({ alg: 'ES256', kid: `made-up-${n}` })).replaceAll('=', ''), payload, signature].join(
      '.',
    )
  }

  it('asks the issuer once in 30 s, also when all come at the same time', async () => {
    await isolate.person(await oidc.token('ES256'))
    isolate.nowMs += REFETCH_MS
    const tokens = await Promise.all(Array.from({ length: 40 }, (_, n) => unknown(n)))
    expect(await Promise.all(tokens.map((token) => isolate.person(token)))).toEqual(Array(40).fill(UNAUTHORIZED))
    expect(oidc.asked).toBe(2)
    isolate.nowMs += REFETCH_MS - 1
    await isolate.person(await unknown(41))
    expect(oidc.asked).toBe(2)
    isolate.nowMs += 1
    await isolate.person(await unknown(42))
    expect(oidc.asked).toBe(3)
  })

  it('does not keep people with known keys waiting, nor out', async () => {
    const token = await oidc.token('ES256')
    await isolate.person(token)
    isolate.nowMs += REFETCH_MS
    oidc.answer = 'silence'
    const flood = isolate.person(await unknown(1))
    expect(await isolate.person(token)).toEqual(PERSON)
    expect(await flood).toEqual(UNAVAILABLE)
  })

  it('stores nothing', async () => {
    for (let n = 0; n < 5; n++) await isolate.person(await unknown(n))
    expect(isolate.store.writes).toBe(0)
  })
})

describe.each(['refused', 'nonsense', 'empty', 'silence'] as const)('an issuer that answers with %s', (answer) => {
  it('does not lock out whoever it has let in: the last good keys are used for a day', async () => {
    const token = await oidc.token('EdDSA')
    await isolate.person(token)
    oidc.answer = answer
    isolate.nowMs += KEYS_FRESH_MS
    expect(await isolate.person(token)).toEqual(PERSON)
    expect(await isolate.person(token)).toEqual(PERSON)
    expect(oidc.asked).toBe(2)
  })

  it('means "later" and not "no" to an isolate that knows no keys', async () => {
    const token = await oidc.token('RS256')
    oidc.answer = answer
    expect(await isolate.person(token)).toEqual(UNAVAILABLE)
    oidc.answer = 'keys'
    expect(await isolate.person(token)).toEqual(UNAVAILABLE)
    isolate.nowMs += REFETCH_MS
    expect(await isolate.person(token)).toEqual(PERSON)
  })

  it('means "later" to a key that may be new', async () => {
    await isolate.person(await oidc.token('RS256'))
    await oidc.rotate()
    oidc.answer = answer
    isolate.nowMs += REFETCH_MS
    expect(await isolate.person(await oidc.token('RS256'))).toEqual(UNAVAILABLE)
  })

  it('is survived by an isolate that starts meanwhile: another one stored the keys', async () => {
    const token = await oidc.token('ES256')
    await isolate.person(token)
    expect(isolate.store.writes).toBe(1)
    oidc.answer = answer
    expect(await newIsolate(isolate.store).person(token)).toEqual(PERSON)
  })
})

it('the last good keys are good for a day and not longer', async () => {
  const issuedMs = Date.now()
  const token = await oidc.token('ES256')
  isolate.nowMs = issuedMs - KEYS_STALE_MAX_MS + 60_000
  // Too early for this token, and the keys are known from now on.
  expect(await isolate.person(token)).toEqual(UNAUTHORIZED)
  oidc.answer = 'refused'
  isolate.nowMs = issuedMs
  expect(await isolate.person(token)).toEqual(PERSON)
  isolate.nowMs = issuedMs + 60_000
  expect(await isolate.person(token)).toEqual(UNAVAILABLE)
  const next = newIsolate(isolate.store)
  next.nowMs = isolate.nowMs
  expect(await next.person(token)).toEqual(UNAVAILABLE)
})

it('stored keys are written when they change and every hour, not at every fetch', async () => {
  const { store } = isolate
  const token = await oidc.token('ES256')
  await isolate.person(token)
  await isolate.person(token)
  isolate.nowMs += KEYS_FRESH_MS
  await isolate.person(token)
  expect([oidc.asked, store.writes]).toEqual([2, 1])
  isolate.nowMs += STORE_AGAIN_MS
  await isolate.person(token)
  expect([oidc.asked, store.writes]).toEqual([3, 2])
  await oidc.rotate()
  isolate.nowMs += REFETCH_MS
  await isolate.person(await oidc.token('ES256'))
  expect([oidc.asked, store.writes]).toEqual([4, 3])
})

it('an isolate whose keys are old takes newer ones that another stored before the issuer went away', async () => {
  await isolate.person(await oidc.token('ES256'))
  await oidc.rotate()
  const token = await oidc.token('ES256')
  const other = newIsolate(isolate.store)
  other.nowMs = isolate.nowMs + 1000
  await other.person(token)
  oidc.answer = 'refused'
  isolate.nowMs += REFETCH_MS
  expect(await isolate.person(token)).toEqual(PERSON)
})

it('a store that is down keeps nobody out, and is written later', async () => {
  isolate.store.down = true
  const token = await oidc.token('ES256')
  expect(await isolate.person(token)).toEqual(PERSON)
  isolate.store.down = false
  expect(await isolate.person(token)).toEqual(PERSON)
  expect(isolate.store.writes).toBe(1)
})
