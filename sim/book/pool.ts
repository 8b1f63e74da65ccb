import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { openPool } from '../../reconciler/db.ts'
import type { DatabaseServer } from './server.ts'
import { DatabaseSocket, type Passing } from './socket.ts'

/**
 * As long as a connection may be without a byte. To connect anew is a large part of what an idle reconciler does, so a run has
 * less of it than production.
 */
const IDLE_MS = 35_000

/**
 * A process with connections to the simulated server. Pool, client, types and errors are node-postgres' own and the
 * reconciler's; only the sockets are simulated.
 */
export class DatabaseProcess {
  readonly #server: DatabaseServer
  readonly #name: string
  readonly #passing: Passing | undefined
  readonly #sockets = new Set<DatabaseSocket>()
  #isAlive = true

  /** @param passing told as each statement leaves and as its answer comes; the process may be killed there */
  constructor(server: DatabaseServer, name: string, passing?: Passing) {
    this.#server = server
    this.#name = name
    this.#passing = passing
  }

  readonly openPool: typeof openPool = (login, onError, connectionsMax, timeoutMs): pg.Pool => {
    const pool = openPool(login, onError, connectionsMax, timeoutMs, () => this.#socket())
    pool.options.idleTimeoutMillis = IDLE_MS
    return pool
  }

  /** It dies: what it has open is undone, its calls never return, and nothing that it does later has any effect. */
  kill(): void {
    if (!this.#isAlive) return
    this.#isAlive = false
    for (const socket of this.#sockets) socket.sever()
  }

  #socket(): Duplex {
    const socket = new DatabaseSocket(this.#server, this.#name, this.#passing)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (!this.#isAlive) socket.sever()
    return socket as unknown as Duplex
  }
}
