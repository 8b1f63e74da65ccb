import { describe, expect, it, vi } from 'vitest'
import { importHmacKey } from '../../../src/crypto/hmac.ts'
import { macKeyFor, macOf } from '../../../src/crypto/mac.ts'
import { ALGORITHMS } from '../../../src/edge/auth/key-set.ts'
import { KEYS_FRESH_MS, REFETCH_MS } from '../../../src/edge/auth/limits.ts'
import { forgetKeys } from '../../../src/edge/auth/wiring.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { bindings, expectRefusal } from '../kit.ts'
import { oidcProvider } from './people-kit.ts'

/** The Worker in workerd with tokens of a real OpenID provider. test/edge/auth/issuer.test.ts has the cases; here is the wiring. */
const later = (ms: number) => {
  const nowMs = Date.now() + ms
  vi.spyOn(Date, 'now').mockReturnValue(nowMs)
}

it.each(ALGORITHMS)('%s: a person is let in, and a stranger is not', async (alg) => {
  const oidc = oidcProvider(`let-in-${alg}`)
  const token = await oidc.token(alg, { roles: ['pay_auditor'] })
  expect((await oidc.get(token)).status).toBe(200)
  const stranger = await oidcProvider(`stranger-${alg}`).token(alg)
  await expectRefusal(await oidc.get(stranger), 'unauthorized')
  await expectRefusal(await oidc.get(`${token.slice(0, -4)}AAAA`), 'unauthorized')
})

it('many requests of a cold isolate ask the issuer once, and all are answered', async () => {
  const oidc = oidcProvider('cold')
  const token = await oidc.token('ES256')
  const answers = await Promise.all(Array.from({ length: 20 }, () => oidc.get(token)))
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect(await oidc.asked()).toBe(1)
})

describe('with another clock', () => {
  it('rotation: the new key is taken, the old one refused', async () => {
    const oidc = oidcProvider('rotation')
    const old = await oidc.token('RS256')
    expect((await oidc.get(old)).status).toBe(200)
    await oidc.rotate()
    const token = await oidc.token('RS256')
    later(REFETCH_MS)
    expect((await oidc.get(token)).status).toBe(200)
    await expectRefusal(await oidc.get(old), 'unauthorized')
    vi.restoreAllMocks()
  })

  it.each(['refused', 'nonsense', 'silence'] as const)(
    'an issuer that answers with %s: known keys are used, also by an isolate that starts; new ones mean 503',
    async (answer) => {
      const oidc = oidcProvider(`outage-${answer}`)
      const token = await oidc.token('EdDSA')
      expect((await oidc.get(token)).status).toBe(200)
      await oidc.answer(answer)
      later(KEYS_FRESH_MS)
      expect((await oidc.get(token)).status).toBe(200)
      forgetKeys()
      expect((await oidc.get(token)).status).toBe(200)
      await oidc.rotate()
      const response = await oidc.get(await oidc.token('EdDSA'))
      expect(response.headers.get('retry-after')).toBe('30')
      await expectRefusal(response, 'temporarily_unavailable')
      vi.restoreAllMocks()
    },
  )
})

it('a stored key set that somebody else wrote is none', async () => {
  const oidc = oidcProvider('planted')
  const evil = oidcProvider('planted-evil')
  await evil.get(await evil.token('ES256'))
  const { OIDC_JWKS_URL: url } = oidc.settings
  await bindings.DB.prepare(
    `INSERT INTO offline_issuer_keys SELECT ?, keys, fetched_at, mac FROM offline_issuer_keys WHERE jwks_url = ?`,
  )
    .bind(url, evil.settings.OIDC_JWKS_URL)
    .run()
  await oidc.answer('refused')
  const forged = await evil.token('ES256')
  await expectRefusal(await oidc.get(forged), 'temporarily_unavailable')
})

it.each(['INTERNAL_HMAC_KEY', 'KEY_WRAPPING_SECRET', 'ENROLMENT_CODE_KEY'] as const)(
  'whoever has %s and writes to D1 makes nobody an issuer',
  async (name) => {
    const [oidc, evil] = [oidcProvider(`with-${name}`), oidcProvider(`with-${name}-evil`)]
    await evil.get(await evil.token('ES256'))
    const { OIDC_JWKS_URL: url } = oidc.settings
    const row = await bindings.DB.prepare('SELECT keys, fetched_at FROM offline_issuer_keys WHERE jwks_url = ?')
      .bind(evil.settings.OIDC_JWKS_URL)
      .first<{ keys: string; fetched_at: number }>()
    if (row === null) throw new Error('no keys')
    const fields = [url, row.fetched_at, row.keys] as const
    const plant = async (secret: Uint8Array) => {
      forgetKeys()
      const macs = [await importHmacKey(secret), await macKeyFor('issuer_keys', secret)].map((key) =>
        macOf(key, fields),
      )
      for (const mac of await Promise.all(macs)) {
        await bindings.DB.prepare('INSERT OR REPLACE INTO offline_issuer_keys VALUES (?, ?, ?, ?)')
          .bind(url, row.keys, row.fetched_at, mac)
          .run()
      }
      return oidc.get(await evil.token('ES256'))
    }
    await oidc.answer('refused')
    await expectRefusal(await plant(fromBase64url(bindings[name])), 'temporarily_unavailable')
    // The very same row with the secret that is for it is believed: there are keys, and only the token names another issuer.
    await expectRefusal(await plant(fromBase64url(bindings.STORED_MAC_SECRET)), 'unauthorized')
  },
)
