import { DeviceObject as Product } from '../../../durable-objects/device/device-object.ts'
import type { Env } from '../../../src/edge/env.ts'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { forgetPolicies } from '../../../src/edge/ingest/policy-cache.ts'
import type { IndexMessage } from '../../../src/edge/store/index-message.ts'
import product from '../../../src/index.ts'
import type { Levers } from './levers.ts'

/**
 * The edge as it is deployed, with levers for what the platform does to it and a test cannot wait for: queues that take
 * nothing or lose everything, alarms that come early or never. `POST /chaos/<lever>`; everything else is the product.
 */
let levers: Levers = { refuses: [], losesIndex: false }
let indexBatches = 0

export { CountryObject } from '../../../durable-objects/country/country-object.ts'
export { PersonObject } from '../../../durable-objects/person/person-object.ts'

type Pulls = 'alarm' | 'loseAlarm' | 'alarmAt'
type Namespace = DurableObjectNamespace<DeviceObject>

export class DeviceObject extends Product {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, withLevers(env))
  }

  /** The alarm, now. */
  async runAlarm(): Promise<void> {
    await this.alarm()
  }

  async loseAlarm(): Promise<void> {
    await this.ctx.storage.deleteAlarm()
  }

  async alarmAt(): Promise<number | null> {
    return this.ctx.storage.getAlarm()
  }
}

let levered: Env | undefined

/** One for all requests, as the runtime's own is: the product keeps its settings by it. */
function withLevers(env: Env): Env {
  const [settle, index] = [env.SETTLE_QUEUE, env.INDEX_QUEUE]
  levered ??= { ...env, SETTLE_QUEUE: refusing('settle', settle), INDEX_QUEUE: refusing('index', index) }
  return levered
}

function refusing<T>(name: 'settle' | 'index', queue: Queue<T>): Queue<T> {
  const refuse = () => {
    if (levers.refuses.includes(name)) throw new Error('the queue is down')
  }
  const send: Queue<T>['send'] = async (...message) => {
    refuse()
    return queue.send(...message)
  }
  const sendBatch: Queue<T>['sendBatch'] = async (...messages) => {
    refuse()
    return queue.sendBatch(...messages)
  }
  return { send, sendBatch } as Queue<T>
}

async function pull(request: Request, env: Env, action: string): Promise<Response> {
  const body = await request.json<unknown>()
  if (action === 'batches') return Response.json(indexBatches)
  if (action === 'levers') levers = body as Levers
  else if (action === 'forget') {
    forgetPolicies()
    forgetDevices()
  } else {
    const devices = env.DEVICE as unknown as Namespace
    const stub = (id: string) => devices.get(devices.idFromName(id))
    const call = (id: string) => {
      switch (action as Pulls) {
        case 'alarm':
          return stub(id).runAlarm()
        case 'loseAlarm':
          return stub(id).loseAlarm()
        case 'alarmAt':
          return stub(id).alarmAt()
      }
    }
    return Response.json(await Promise.all((body as string[]).map(async (id) => (await call(id)) ?? null)))
  }
  return Response.json(null)
}

export default {
  fetch(request, env, ctx) {
    const lever = /^\/chaos\/([a-zA-Z]+)$/.exec(new URL(request.url).pathname)?.[1]
    return lever === undefined ? product.fetch(request, withLevers(env), ctx) : pull(request, env, lever)
  },
  async queue(batch, env) {
    if (!levers.losesIndex) await product.queue(batch, env)
    indexBatches++
  },
  scheduled: product.scheduled,
} satisfies ExportedHandler<Env, IndexMessage>
