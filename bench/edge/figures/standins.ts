import { pause } from '../drain.ts'
import { median } from '../stats.ts'
import { startStandIns } from '../subject.ts'
import type { Bench } from './run.ts'

/** What the edge's processor time holds that production would not spend: the local stand-ins for Cloudflare's products. */
export interface StandInFigures {
  readonly rateLimitMs: number
  /** One message, from `send` to its consumer. */
  readonly queueMessageMs: number
}

const REQUESTS = 1000
const MESSAGES = 3
const BODY_BYTES = 1500
const DELIVERED_MS = 1500

export async function measureStandIns({ world, generator, options, say }: Bench): Promise<StandInFigures> {
  say('stand-ins by themselves')
  const subject = await startStandIns(world)
  const body = crypto.getRandomValues(new Uint8Array(BODY_BYTES))
  const cpu = async (path: string): Promise<number> => {
    const head = `POST ${path} HTTP/1.1\r\nHost: edge.bench\r\nContent-Length: ${body.length}\r\n\r\n`
    const request = Buffer.concat([Buffer.from(head), body])
    const before = subject.cpuMs()
    const requests = Array.from({ length: REQUESTS }, () => request)
    await generator.run({ port: subject.port, requests, pace: { kind: 'closed', concurrency: options.concurrency } })
    await pause(DELIVERED_MS)
    return (subject.cpuMs() - before) / REQUESTS
  }
  try {
    for (const path of ['/nothing', '/rate', '/queues']) await cpu(path)
    const rounds: { nothing: number; rate: number; queues: number }[] = []
    for (let i = 0; i < options.rounds; i++) {
      rounds.push({ nothing: await cpu('/nothing'), rate: await cpu('/rate'), queues: await cpu('/queues') })
    }
    return {
      rateLimitMs: median(rounds.map(({ nothing, rate }) => rate - nothing)),
      queueMessageMs: median(rounds.map(({ nothing, queues }) => (queues - nothing) / MESSAGES)),
    }
  } finally {
    await subject.stop()
  }
}
