import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'

/**
 * `GET /healthz`: no step of a loop hangs, so leave it alone; `/readyz`: it can settle now, and its loops live; `/metrics`:
 * for Prometheus. An outage of Postgres makes it unready and not unhealthy: to start it again would not help. Nor while
 * settlement is halted, which both say.
 */
export interface HealthDeps {
  readonly pool: pg.Pool
  readonly metrics: Exposed
  readonly liveness: Liveness
  /** The loop that it is there for. */
  readonly vital: string
}

/** Metrics in the text format. */
export interface Exposed {
  expose(): Promise<string>
  readonly contentType: string
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
  { metrics, liveness, vital }: HealthDeps,
  answers: () => Promise<DatabaseState>,
): Promise<void> {
  const json = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (method !== 'GET') return json(405, { error: 'method not allowed' })
  switch (url) {
    case '/healthz': {
      const stuck = liveness.stuck()
      const { halted } = await answers()
      return json(stuck.length === 0 ? 200 : 503, { healthy: stuck.length === 0, stuck, halted })
    }
    case '/readyz': {
      const { database, halted } = await answers()
      const [failing, silent] = [liveness.failing(), [...new Set([...liveness.silent(), ...liveness.stuck()])]]
      // The edge being down is no reason to take no messages: of what fails, only what settles counts. None may hang.
      const ready = database && !halted && !failing.includes(vital) && silent.length === 0
      return json(ready ? 200 : 503, { ready, database, halted, failing, silent })
    }
    case '/metrics':
      response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.expose())
      return
    default:
      return json(404, { error: 'not found' })
  }
}

/** Whether the database answers, and whether it says that settlement is halted. */
interface DatabaseState {
  readonly database: boolean
  readonly halted: boolean
}
const NO_ANSWER: DatabaseState = { database: false, halted: false }

/** One question at a time: probes must not use up the connections that the loops need. */
function probeOf(pool: pg.Pool): () => Promise<DatabaseState> {
  let asking: Promise<DatabaseState> | undefined
  return () => {
    asking ??= pool
      .query('SELECT FROM settlement_halts WHERE ended_at IS NULL')
      .then(
        ({ rowCount }) => ({ database: true, halted: (rowCount ?? 0) > 0 }),
        () => NO_ANSWER,
      )
      .finally(() => {
        asking = undefined
      })
    const late = new Promise<DatabaseState>((resolve) => setTimeout(resolve, READY_TIMEOUT_MS, NO_ANSWER).unref())
    return Promise.race([asking, late])
  }
}
