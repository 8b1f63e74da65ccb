import { defineProject } from 'vitest/config'

/** Node: protocol, crypto, SDK, reconciler, ledger, dev parts, and the journeys through all of them. */
export default defineProject({
  test: {
    name: 'node',
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/**/*.{workerd,browser}.test.*'],
    globalSetup: ['test/reconciler/postgres.ts'],
    // Most tests wait for another process half of their time.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
