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
    const bytes = await request.arrayBuffer()
    const text = new TextDecoder().decode(bytes)
    const message = {
      text: { contentType: 'text', body: text } as const,
      json: { contentType: 'json', body: text === '' ? null : JSON.parse(text) } as const,
      bytes: { contentType: 'bytes', body: new Uint8Array(bytes) } as const,
    }[searchParams.get('type') ?? 'text']
    if (message === undefined) return new Response('type?', { status: 400 })
    const count = Number(searchParams.get('count') ?? 1)
    await env.SETTLE_QUEUE.sendBatch(Array.from({ length: count }, () => message))
    return new Response('sent')
  },

  async scheduled(controller, env) {
    if (controller.cron === 'fail') throw new Error('made to fail')
    await env.DB.prepare('INSERT INTO notes (note) VALUES (?)').bind(controller.cron).run()
  },
} satisfies ExportedHandler<Env>
