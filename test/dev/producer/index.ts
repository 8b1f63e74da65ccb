import { DurableObject } from 'cloudflare:workers'

interface Env {
  readonly SETTLE_QUEUE: Queue
  readonly DB: D1Database
  readonly COUNTER: DurableObjectNamespace<Counter>
  readonly GREETING: string
}

/** Counts in memory and in storage, so that an eviction can be told from a restart. */
export class Counter extends DurableObject<Env> {
  #inMemory = 0

  count(): { inMemory: number; stored: number } {
    const stored = (this.ctx.storage.kv.get<number>('count') ?? 0) + 1
    this.ctx.storage.kv.put('count', stored)
    return { inMemory: ++this.#inMemory, stored }
  }
}

/** `POST /send?type=text|json|bytes&count=` sends the body, so often; the other paths show the runtime. */
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/count') return Response.json(await env.COUNTER.getByName(searchParams.get('name') ?? '').count())
    if (pathname === '/notes') return Response.json((await env.DB.prepare('SELECT note FROM notes').all()).results)
    if (pathname === '/greeting') return new Response(env.GREETING)
    const count = Number(searchParams.get('count') ?? 1)
    const message = await sendable(request, searchParams.get('type') ?? 'text')
    await env.SETTLE_QUEUE.sendBatch(Array.from({ length: count }, () => message))
    return new Response('sent')
  },

  async scheduled(controller, env) {
    if (controller.cron === 'fail') {
      console.error('made to fail')
      throw new Error('made to fail')
    }
    await env.DB.prepare('INSERT INTO notes (note) VALUES (?)').bind(controller.cron).run()
  },
} satisfies ExportedHandler<Env>

async function sendable(request: Request, type: string): Promise<MessageSendRequest> {
  switch (type) {
    case 'json':
      return { contentType: type, body: await request.json() }
    case 'bytes':
      return { contentType: type, body: new Uint8Array(await request.arrayBuffer()) }
    default:
      return { contentType: 'text', body: await request.text() }
  }
}
