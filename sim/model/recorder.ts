import type pg from 'pg'
import type { Committed } from './follow-statements.ts'

/**
 * Hears what reconcilers ask the book, and hands on what was committed, transaction by transaction in the order of the
 * commits. Whether a COMMIT happened is for the database to say: its answer may be lost.
 */
export class Recorder {
  readonly #follow: (transaction: readonly Committed[]) => Promise<readonly string[]>
  /** By the number of the connection, as the server gave it: the transaction under way. */
  readonly #underWay = new Map<number, Committed[]>()
  #last: Promise<void> = Promise.resolve()
  /** What the follower said so far. */
  readonly sentences: string[] = []

  constructor(follow: (transaction: readonly Committed[]) => Promise<readonly string[]>) {
    this.#follow = follow
  }

  /** @returns the same pool, heard */
  listen(pool: pg.Pool): pg.Pool {
    const connect = async () => this.#client(await pool.connect())
    const query = (text: string, values?: unknown[]) => {
      // It only puts off what failed, and is all that matters of what is written outside of a transaction.
      if (text.includes(POSTPONED)) this.#hand([{ text, values: values ?? [], rows: [] }])
      return pool.query(text, values)
    }
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
    if (transaction !== undefined) this.#hand(transaction)
  }

  /** Everything that was committed so far has been followed. */
  async caughtUp(): Promise<void> {
    await this.#last
  }

  #client(client: pg.PoolClient): pg.PoolClient {
    const { processID } = client as unknown as { readonly processID: number }
    const query = async (text: string, values?: unknown[]) => {
      if (text === 'BEGIN') this.#underWay.set(processID, [])
      const result = await client.query(text, values)
      this.#underWay.get(processID)?.push({ text, values: values ?? [], rows: result.rows })
      return result
    }
    return new Proxy(client, { get: (target, name) => (name === 'query' ? query : bound(target, name)) })
  }

  #hand(transaction: readonly Committed[]): void {
    this.#last = this.#last.then(async () => void this.sentences.push(...(await this.#follow(transaction))))
  }
}

const POSTPONED = 'UPDATE offline_resolutions SET last_error'

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}
