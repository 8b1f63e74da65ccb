import { availableParallelism } from 'node:os'
import { endChildrenWithThisProcess } from '../dev/children.ts'

// Of this process are the workers, workerd and Postgres.
endChildrenWithThisProcess()

/** What all projects have in common. */
export const shared = {
  root: new URL('..', import.meta.url).pathname,
  // A process or a workerd serves many files: to start one costs more than most files do. So a file takes back what it
  // changed around itself.
  isolate: false,
  // These only end what hangs: a busy machine may take its time.
  testTimeout: 600_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 300_000 } },
  // Most tests wait for another process half of their time.
  maxWorkers: availableParallelism() + 1,
}
