import { sweep } from '../durable-objects/device/owed/sweep.ts'
import { app } from './edge/app.ts'
import type { Env } from './edge/env.ts'
import { foldRows } from './edge/metrics/totals.ts'
import { consumeIndex } from './edge/store/consume-index.ts'
import type { IndexMessage } from './edge/store/index-message.ts'

export { CountryObject } from '../durable-objects/country/country-object.ts'
export { DeviceObject } from '../durable-objects/device/device-object.ts'
export { PersonObject } from '../durable-objects/person/person-object.ts'

export default {
  fetch: app.fetch,
  queue: (batch, env) => consumeIndex(batch, env),
  async scheduled(_controller, env) {
    await Promise.all([sweep(env, Date.now()), foldRows(env.DB, Date.now())])
  },
} satisfies ExportedHandler<Env, IndexMessage>
