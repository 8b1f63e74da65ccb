import type pg from 'pg'
import type { Committed } from './follow-statements.ts'

type Follow = (transaction: readonly Committed[]) => Promise<readonly string[]>

/**
 * Hears what reconcilers ask the book, and hands on what was committed, transaction by transaction in the order of the
 * commits. Whether a COMMIT happened is for the database to say: its answer may be lost.
 */
export class Recorder {
  readonly #follow: Follow
  /** By the number of the connection, as the server gave it: the transaction under way. */
  readonly #underWay = new Map<number, Committed[]>()
  #last: Promise<unknown> = Promise.resolve()
  /** What the follower said so far. */
  readonly sentences: string[]

  /** @param sentences where those of the follower are added */
  constructor(follow: Follow, sentences: string[] = []) {
    this.#follow = follow
    this.sentences = sentences
  }

  /** @returns the same pool, heard */
  listen(pool: pg.Pool): pg.Pool {
    const connect = async () => this.#client(await pool.connect())
    // It only puts off what failed, and is all that matters of what is written outside of a transaction.
    const query = (text: string, values?: unknown[]) =>
      text.includes(POSTPONED) ? this.#alone(pool, text, values) : pool.query(text, values)
    return new Proxy(pool, {
      get: (target, name) => (name === 'connect' ? connect : name === 'query' ? query : bound(target, name)),
    })
  }

  /**
   * The database has committed the transaction of this connection. To be called at that moment, before anything else can
   * be committed.
   */
  committed(connection: number): void {
    const transaction = this.#underWay.get(connection)
    this.#underWay.delete(connection)
    if (transaction === undefined) return
    const follow = async () => void this.sentences.push(...(await this.#follow(transaction)))
    this.inTurn(follow).catch((error: unknown) => {
      this.sentences.push(`The model cannot follow the book: ${error instanceof Error ? error.stack : String(error)}`)
    })
  }

  /** Does something between two transactions: after those that are committed by now were followed. */
  inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  #client(client: pg.PoolClient): pg.PoolClient {
    const processId = processIdOf(client)
    const query = async (text: string, values?: unknown[]) => {
      if (text === 'BEGIN') this.#underWay.set(processId, [])
      if (text === 'ROLLBACK') this.#underWay.delete(processId)
      const result = await client.query(text, values)
      this.#underWay.get(processId)?.push({ text, values: values ?? [], rows: result.rows })
      return result
    }
    return new Proxy(client, { get: (target, name) => (name === 'query' ? query : bound(target, name)) })
  }

  /** As `pool.query`: a connection on which it failed is not used again. */
  async #alone(pool: pg.Pool, text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    const client = await pool.connect()
    let failed: Error | undefined
    try {
      this.#underWay.set(processIdOf(client), [{ text, values, rows: [] }])
      return await client.query(text, values)
    } catch (error) {
      failed = error as Error
      throw error
    } finally {
      client.release(failed)
    }
  }
}

const POSTPONED = 'UPDATE offline_resolutions SET last_error'

const processIdOf = (client: pg.PoolClient) => (client as unknown as { readonly processID: number }).processID

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}
