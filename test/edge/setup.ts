import { applyD1Migrations, reset } from 'cloudflare:test'
import { afterAll, expect } from 'vitest'
import { forgetPolicies, policiesInForce } from '../../src/edge/ingest/policy-cache.ts'
import { putBindings, restoreBindings } from '../durable-objects/device/kit.ts'
import { bindings } from './kit.ts'

// Many files run in one workerd, each on storage of its own: what the file before left behind goes. Its objects first:
// they must not find the runtime's own queues in their bindings.
forgetPolicies()
await reset()
restoreBindings()
forgetPolicies()
await applyD1Migrations(bindings.DB, bindings.TEST_MIGRATIONS)

// Queues deliver nothing by themselves: a message of one file would arrive in the next.
const { SETTLE_QUEUE, INDEX_QUEUE } = bindings
const send = () => Promise.resolve({} as never)
await putBindings({
  SETTLE_QUEUE: { send, metrics: () => SETTLE_QUEUE.metrics() } as never,
  INDEX_QUEUE: { send, metrics: () => INDEX_QUEUE.metrics() } as never,
})

// A request of one file may end in the next, with the policies that it knew: nobody leaves the country of all tests switched off.
afterAll(async () => {
  forgetPolicies()
  expect((await policiesInForce(bindings, Date.now())).get('SN')?.enabled, 'SN is left as it was').toBe(true)
})
