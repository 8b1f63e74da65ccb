import { sweep } from '../durable-objects/sweep.ts'
import { app } from './app.ts'
import type { Env } from './env.ts'
import { foldRows } from './metrics/totals.ts'
import { consumeIndex } from './store/consume-index.ts'
import type { IndexMessage } from './store/index-message.ts'

export { DeviceObject } from '../durable-objects/device-object.ts'

export default {
  fetch: app.fetch,
  queue: (batch, env) => consumeIndex(batch, env),
  async scheduled(_controller, env) {
    await Promise.all([sweep(env, Date.now()), foldRows(env.DB, Date.now())])
  },
} satisfies ExportedHandler<Env, IndexMessage>
