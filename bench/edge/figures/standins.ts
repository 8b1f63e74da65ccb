import { fileURLToPath } from 'node:url'
import { pause } from '../drain.ts'
import { median } from '../stats.ts'
import { startWorkerd } from '../subjects/workerd.ts'
import type { Bench } from './bench.ts'

/** What the edge's processor time holds that production would not spend: the local stand-ins for Cloudflare's products. */
export interface StandInFigures {
  readonly rateLimitMs: number
  /** One message, from `send` to its consumer. */
  readonly queueMessageMs: number
}

const CONFIG = fileURLToPath(new URL('../../standins/wrangler.toml', import.meta.url))
const [REQUESTS, SMOKE_REQUESTS] = [1000, 20]
const MESSAGES = 3
const BODY_BYTES = 1500
/** The queue's consumer waits for more messages for a second. */
const DELIVERED_MS = 1500

export async function measureStandIns({ world, generator, options, say }: Bench): Promise<StandInFigures> {
  say('stand-ins by themselves')
  const subject = await startWorkerd('standins', CONFIG, world)
  const count = options.size === 'smoke' ? SMOKE_REQUESTS : REQUESTS
  const body = crypto.getRandomValues(new Uint8Array(BODY_BYTES))
  const cpu = async (path: string): Promise<number> => {
    const head = `POST ${path} HTTP/1.1\r\nHost: edge.bench\r\nContent-Length: ${body.length}\r\n\r\n`
    const request = Buffer.concat([Buffer.from(head), body])
    const before = subject.cpuMs()
    const requests = Array.from({ length: count }, () => request)
    await generator.run({ port: subject.port, requests, pace: { kind: 'closed', concurrency: options.concurrency } })
    if (path === '/queues') await pause(DELIVERED_MS)
    return (subject.cpuMs() - before) / count
  }
  const round = async () => ({ nothing: await cpu('/nothing'), rate: await cpu('/rate'), queues: await cpu('/queues') })
  try {
    if (options.size !== 'smoke') await round()
    const rounds: Awaited<ReturnType<typeof round>>[] = []
    for (let i = 0; i < options.rounds; i++) rounds.push(await round())
    return {
      rateLimitMs: median(rounds.map(({ nothing, rate }) => rate - nothing)),
      queueMessageMs: median(rounds.map(({ nothing, queues }) => (queues - nothing) / MESSAGES)),
    }
  } finally {
    await subject.stop()
  }
}
