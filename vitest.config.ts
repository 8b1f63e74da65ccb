import { defineConfig } from 'vitest/config'

/**
 * Three runtimes, three projects: what runs at the edge is tested in workerd, what needs a browser in Chromium, everything
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
    },
    projects: ['test/vitest.workerd.config.ts', 'test/vitest.node.config.ts', 'test/vitest.browser.config.ts'],
  },
})
