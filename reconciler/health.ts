import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import type { Metrics } from './metrics.ts'

/**
 * `GET /healthz`: the process works on, so leave it alone; `/readyz`: it can settle now; `/metrics`: for Prometheus. An
 * outage of Postgres makes it unready and not unhealthy: to start it again would not help.
 */
export interface HealthDeps {
  readonly pool: pg.Pool
  readonly metrics: Metrics
  readonly pulse: Pulse
}

/** When each loop last showed a sign of life. */
export class Pulse {
  readonly #clock: () => number
  readonly #seenAt = new Map<string, number>()
  readonly #failing = new Set<string>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** It works: a step began, or comes to its next part. */
  alive(loop: string): void {
    this.#seenAt.set(loop, this.#clock())
  }

  /** A step ended. */
  beat(loop: string, failed: boolean): void {
    this.alive(loop)
    if (failed) this.#failing.add(loop)
    else this.#failing.delete(loop)
  }

  /** Loops that have not come round for so long that they hang. */
  stuck(): string[] {
    return [...this.#seenAt].filter(([, at]) => this.#clock() - at > STUCK_MS).map(([loop]) => loop)
  }

  /** Loops whose last step failed. */
  failing(): string[] {
    return [...this.#failing]
  }
}

/** Steps show a sign of life before each transaction and each call, and those have timeouts far below this. */
const STUCK_MS = 5 * 60_000
const READY_TIMEOUT_MS = 2_000

/** @returns the port, which the system chooses when 0 is asked for, and how to stop it */
export async function serveHealth(port: number, deps: HealthDeps): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(request.method, request.url, response, deps).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  method: string | undefined,
  url: string | undefined,
  response: ServerResponse,
  { pool, metrics, pulse }: HealthDeps,
): Promise<void> {
  const json = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (method !== 'GET') return json(405, { error: 'method not allowed' })
  switch (url) {
    case '/healthz': {
      const stuck = pulse.stuck()
      return json(stuck.length === 0 ? 200 : 503, { healthy: stuck.length === 0, stuck })
    }
    case '/readyz': {
      const database = await answers(pool)
      const failing = pulse.failing()
      // The edge being down is no reason to take no messages: only what settles counts.
      const ready = database && !failing.includes('reconcile')
      return json(ready ? 200 : 503, { ready, database, failing })
    }
    case '/metrics':
      response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.expose())
      return
    default:
      return json(404, { error: 'not found' })
  }
}

async function answers(pool: pg.Pool): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => setTimeout(resolve, READY_TIMEOUT_MS, false).unref())
  return Promise.race([
    pool.query('SELECT 1').then(
      () => true,
      () => false,
    ),
    late,
  ])
}
