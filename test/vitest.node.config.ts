import { defineProject } from 'vitest/config'
import { shared } from './vitest.shared.ts'

/** Node: protocol, crypto, SDK, reconciler, ledger, dev parts, and the journeys through all of them. */
export default defineProject({
  test: {
    ...shared,
    name: 'node',
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/**/*.{workerd,browser}.test.*', 'test/sim/**'],
    setupFiles: ['test/setup.ts'],
    globalSetup: ['test/reconciler/postgres.ts'],
  },
})
