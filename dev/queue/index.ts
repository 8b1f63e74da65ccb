import { failure, queueApi } from './api.ts'
import type { QueueBroker } from './broker.ts'
import { devApi } from './dev-api.ts'
import { storedBody } from './message.ts'
import { type Queues, queueSettings } from './settings.ts'

export { QueueBroker } from './broker.ts'

/** The bindings of wrangler.toml. */
interface Env extends Queues {
  readonly ACCOUNT_ID: string
  readonly API_TOKEN: string
  readonly BROKER: DurableObjectNamespace<QueueBroker>
}

const API_ROUTE = /^\/client\/v4\/accounts\/([^/]+)\/queues\/([^/]+)\/((?:messages\/)?[a-z]+)$/
const DEV_ROUTE = /^\/dev\/queues\/()([^/]+)\/([a-z]+)$/

/** The local push consumer keeps what the Queue delivers; the HTTP API hands it out. */
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const api = API_ROUTE.exec(pathname)
    const [, account = '', queue = '', action = ''] = api ?? DEV_ROUTE.exec(pathname) ?? []
    if (action === '') return failure(404, 'No route for the URI', 7003)
    if (request.headers.get('authorization') !== `Bearer ${env.API_TOKEN}`) return failure(401, 'Authentication error')
    if (api !== null && account !== env.ACCOUNT_ID) return failure(404, 'no such account')
    if (queueSettings(env, queue) === undefined) return failure(404, 'no such queue')
    const text = await request.text()
    const body = text === '' ? {} : parseObject(text)
    if (body === undefined) return failure(400, 'the body must be a JSON object')
    return (api === null ? devApi : queueApi)(broker(env), queue, request.method, action, body)
  },

  async queue(batch, env) {
    // Kept before the batch is acknowledged by returning; if it throws the local Queue delivers it again.
    await broker(env).add(
      batch.queue,
      batch.messages.map(({ id, timestamp, body }) => ({
        ...storedBody(body),
        id,
        timestampMs: timestamp.getTime(),
        delayMs: 0,
      })),
    )
  },
} satisfies ExportedHandler<Env>

function broker(env: Env) {
  return env.BROKER.getByName('broker')
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
