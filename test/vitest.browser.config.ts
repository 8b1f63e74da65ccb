import { playwright } from '@vitest/browser-playwright'
import { defineProject } from 'vitest/config'
import { chromiumLaunch } from './kit/chromium.ts'
import { shared } from './vitest.shared.ts'

/** Chromium: what needs a browser's own IndexedDB, WebCrypto, Web Locks, or a rendered page. */
export default defineProject({
  test: {
    ...shared,
    // A frame of its own for each file: pages keep what earlier ones mounted and listened to.
    isolate: true,
    name: 'browser',
    include: ['test/**/*.browser.test.{ts,tsx}'],
    browser: {
      enabled: true,
      headless: true,
      provider: playwright({ launchOptions: await chromiumLaunch() }),
      instances: [{ browser: 'chromium' }],
      screenshotFailures: false,
    },
  },
})
