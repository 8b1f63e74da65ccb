import { cloudflareTest, type D1Migration, readD1Migrations } from '@cloudflare/vitest-plugin'
import { exportJWK, generateKeyPair } from 'jose'
import { defineProject } from 'vitest/config'
import { newWrappedKey, type WrappedKeys } from '../src/crypto/local-keys.ts'
import { toBase64url } from '../src/protocol/bytes.ts'
import { outbound } from './edge/auth/outbound.ts'
import { shared } from './vitest.shared.ts'

/** workerd: the Worker, the Device Object, and the code both runtimes share. */
const secret = () => toBase64url(crypto.getRandomValues(new Uint8Array(32)))

const wrappingSecret = secret()
const edgeKeys: WrappedKeys = {
  version: 3,
  keys: [
    { ...(await newWrappedKey('seal', wrappingSecret)), state: 'active' },
    { ...(await newWrappedKey('seal', wrappingSecret)), state: 'retiring' },
    { ...(await newWrappedKey('seal', wrappingSecret)), state: 'retired' },
    { ...(await newWrappedKey('receipt', wrappingSecret)), state: 'active' },
  ],
}

const issuer = await generateKeyPair('ES256', { extractable: true })
const jwks = { keys: [{ ...(await exportJWK(issuer.publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }] }

const bindings = {
  ENVIRONMENT: 'test',
  EDGE_KEYS: JSON.stringify(edgeKeys),
  KEY_WRAPPING_SECRET: wrappingSecret,
  INTERNAL_HMAC_KEY: secret(),
  STORED_MAC_SECRET: secret(),
  ENROLMENT_CODE_KEY: secret(),
  REVIEW_PSEUDONYM_KEY: secret(),
  OIDC_ISSUER: 'https://issuer.test',
  OIDC_AUDIENCE: 'molam-offline',
  OIDC_JWKS_URL: 'https://issuer.test/jwks',
  TEST_ISSUER_KEY: JSON.stringify(await exportJWK(issuer.privateKey)),
  TEST_MIGRATIONS: await readD1Migrations('migrations/edge'),
}
export type TestBindings = Omit<typeof bindings, 'TEST_MIGRATIONS'> & { TEST_MIGRATIONS: D1Migration[] }

export default defineProject({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        bindings,
        // The issuer's keys, and the other hosts that tests ask for (edge/auth/outbound.ts).
        outboundService: (request: Request) =>
          request.url === bindings.OIDC_JWKS_URL ? Response.json(jwks) : outbound(request),
      },
    }),
  ],
  test: {
    ...shared,
    name: 'workerd',
    setupFiles: ['test/edge/setup.ts'],
    // `anywhere`: the edge runs its own WebCrypto, so the published vectors must hold there too.
    include: ['test/**/*.{workerd,anywhere}.test.ts'],
  },
})
