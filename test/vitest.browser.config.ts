import { playwright } from '@vitest/browser-playwright'
import { defineProject } from 'vitest/config'
import { chromiumLaunch } from './kit/chromium.ts'

/** Chromium: what needs a browser's own IndexedDB, WebCrypto, Web Locks, or a rendered page. */
export default defineProject({
  test: {
    name: 'browser',
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.browser.test.{ts,tsx}'],
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      provider: playwright({ launchOptions: await chromiumLaunch() }),
      instances: [{ browser: 'chromium' }],
      screenshotFailures: false,
    },
  },
})
