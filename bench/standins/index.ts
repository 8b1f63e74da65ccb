/**
 * What the local stand-ins for Cloudflare's products cost: `/nothing` answers, `/rate` asks the rate limit once, and
 * `/queues` sends what a push and its outcome send, with a consumer that drops it. The differences are their price.
 */
interface StandinsEnv {
  readonly QUEUE: Queue
  readonly RATE: RateLimit
}

export default {
  async fetch(request, env) {
    const body = new Uint8Array(await request.arrayBuffer())
    switch (new URL(request.url).pathname) {
      case '/rate':
        await env.RATE.limit({ key: 'device' })
        break
      case '/queues': {
        // The settle message, the index message of the admission, and that of the outcome.
        const row = { bundle: { bundle: body, payments: '[[1,"pending"]]' } }
        await Promise.all([
          // Sending bytes takes the buffer away.
          env.QUEUE.send(body.slice(), { contentType: 'bytes' }),
          env.QUEUE.send(row, { contentType: 'v8' }),
          env.QUEUE.send(row, { contentType: 'v8' }),
        ])
      }
    }
    return new Response('ok')
  },
} satisfies ExportedHandler<StandinsEnv>
