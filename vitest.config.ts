import { defineConfig } from 'vitest/config'

/**
 * What share of a room's lines and branches the tests reach at least, in percent: what they reach today, a little below. Pages
 * are tested as they are built, in a browser where nothing is counted.
 */
const floors = {
  'src/protocol/**': { lines: 99, branches: 95 },
  'src/crypto/**': { lines: 98, branches: 89 },
  'src/risk/**': { lines: 99, branches: 95 },
  'src/device/sdk/**': { lines: 99, branches: 93 },
  'src/device/browser/**': { lines: 98, branches: 79 },
  'src/device/{qr,relay,simulation}/**': { lines: 98, branches: 93 },
  'src/ui/**': { lines: 90, branches: 87 },
  'src/web/**': { lines: 54, branches: 50 },
  'src/edge/**': { lines: 97, branches: 91 },
  'durable-objects/**': { lines: 99, branches: 93 },
  'reconciler/*.ts': { lines: 80, branches: 62 },
  'reconciler/{pull,settle,tell,registry}/**': { lines: 99, branches: 88 },
  'reconciler/{verify,report}/**': { lines: 96, branches: 77 },
  'reconciler/commands/**': { lines: 76, branches: 74 },
}

/**
 * Three runtimes, and the simulator beside them: what runs at the edge is tested in workerd, what needs a browser in Chromium, everything
 * else in Node against a real Postgres. Each project has its own file so that one of them can be run alone.
 */
export default defineConfig({
  test: {
    // The Worker writes a line a request: it is shown for tests that fail.
    silent: 'passed-only',
    coverage: {
      // Counts in all three runtimes; V8's own coverage is not to be had in workerd without its inspector.
      provider: 'istanbul',
      include: ['{src,durable-objects,reconciler}/**/*.{ts,tsx}'],
      reporter: ['text-summary', 'json-summary'],
      // Said also when a test fails: both are to be mended then.
      reportOnFailure: true,
      thresholds: floors,
    },
    projects: [
      'test/vitest.workerd.config.ts',
      'test/vitest.node.config.ts',
      'test/vitest.browser.config.ts',
      'test/vitest.sim.config.ts',
    ],
  },
})
