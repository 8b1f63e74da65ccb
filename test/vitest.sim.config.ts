import { defineProject } from 'vitest/config'
import { shared } from './vitest.shared.ts'

/** The simulator. It replaces the globals of its process, so each file has one of its own. */
export default defineProject({
  test: {
    ...shared,
    name: 'sim',
    isolate: true,
    include: ['test/sim/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
  },
})
