import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import type { Metrics } from './metrics.ts'

/**
 * `GET /healthz`: no step of a loop hangs, so leave it alone; `/readyz`: it can settle now, and its loops live; `/metrics`:
 * for Prometheus. An outage of Postgres makes it unready and not unhealthy: to start it again would not help.
 */
export interface HealthDeps {
  readonly pool: pg.Pool
  readonly metrics: Metrics
  readonly liveness: Liveness
}

/** What the loops last showed of themselves. */
export class Liveness {
  readonly #clock: () => number
  /** Of steps under way. */
  readonly #seenAt = new Map<string, number>()
  readonly #failing = new Set<string>()
  readonly #stuck = new Set<string>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** It works: a step began, or comes to its next part. */
  alive(loop: string): void {
    this.#seenAt.set(loop, this.#clock())
  }

  /** A step ended. */
  ended(loop: string, failed: boolean): void {
    this.#seenAt.delete(loop)
    this.#stuck.delete(loop)
    if (failed) this.#failing.add(loop)
    else this.#failing.delete(loop)
  }

  /** A step was given up because it hangs. Until one comes to an end the loop does not work. */
  gaveUp(loop: string): void {
    this.#stuck.add(loop)
  }

  stuck(): string[] {
    return [...this.#stuck]
  }

  /** Loops whose step shows no sign of life, for longer than any single wait in it may take. */
  silent(): string[] {
    return [...this.#seenAt].filter(([, at]) => this.#clock() - at > SILENT_MS).map(([loop]) => loop)
  }

  /** Loops whose last step failed. */
  failing(): string[] {
    return [...this.#failing]
  }
}

const SILENT_MS = 60_000
const READY_TIMEOUT_MS = 2_000

/** @returns the port, which the system chooses when 0 is asked for, and how to stop it */
export async function serveHealth(port: number, deps: HealthDeps): Promise<{ port: number; close(): Promise<void> }> {
  const answers = probeOf(deps.pool)
  const server = createServer((request, response) => {
    answer(request.method, request.url, response, deps, answers).catch(() => response.destroy())
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
  { metrics, liveness }: HealthDeps,
  answers: () => Promise<boolean>,
): Promise<void> {
  const json = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (method !== 'GET') return json(405, { error: 'method not allowed' })
  switch (url) {
    case '/healthz': {
      const stuck = liveness.stuck()
      return json(stuck.length === 0 ? 200 : 503, { healthy: stuck.length === 0, stuck })
    }
    case '/readyz': {
      const database = await answers()
      const [failing, silent] = [liveness.failing(), [...new Set([...liveness.silent(), ...liveness.stuck()])]]
      // The edge being down is no reason to take no messages: of what fails, only what settles counts. None may hang.
      const ready = database && !failing.includes('reconcile') && silent.length === 0
      return json(ready ? 200 : 503, { ready, database, failing, silent })
    }
    case '/metrics':
      response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.expose())
      return
    default:
      return json(404, { error: 'not found' })
  }
}

/** Whether the database answers. One question at a time: probes must not use up the connections that the loops need. */
function probeOf(pool: pg.Pool): () => Promise<boolean> {
  let asking: Promise<boolean> | undefined
  return () => {
    asking ??= pool
      .query('SELECT 1')
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        asking = undefined
      })
    const late = new Promise<boolean>((resolve) => setTimeout(resolve, READY_TIMEOUT_MS, false).unref())
    return Promise.race([asking, late])
  }
}
