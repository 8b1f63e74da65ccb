import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineProject } from 'vitest/config'

/** workerd: the Worker, the Device Object, and the code both runtimes share. */
export default defineProject({
  plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
  test: {
    name: 'edge',
    root: new URL('..', import.meta.url).pathname,
    include: [
      'test/edge/**/*.test.ts',
      'test/durable-objects/**/*.test.ts',
      // The edge runs its own WebCrypto: the published vectors must hold there too.
      'test/vectors/{ecdsa-p256,hpke,aes-256-gcm}.test.ts',
    ],
    testTimeout: 30_000,
  },
})
