import { readdirSync, readFileSync } from 'node:fs'
import { PGlite, protocol } from '@electric-sql/pglite'
import { types } from '../../reconciler/db.ts'
import { asPlanted } from '../mutants/plant.ts'
import { openCluster } from './cluster.ts'
import { DETERMINISTIC, SCHEMA_OWNER, withoutTimers } from './deterministic.ts'
import { Statements } from './statements.ts'
import { endsReady, errorIn, extendedQuery, readyEnds, simpleQuery } from './wire.ts'

/**
 * The book: a Postgres in this process with all of the ledger's migrations. It answers at once and waits for nothing, so
 * all waiting is simulated around it (server.ts).
 *
 * A run is one transaction that is rolled back at its end. At its beginning every table is emptied by TRUNCATE, which
 * gives it new files: what runs before left in the old ones, and so the order in which rows are found, does not depend on
 * earlier runs. Sequences begin again too.
 */
export class Book {
  readonly #db: PGlite
  /** Statements that empty every table and fill those that migrations fill. */
  readonly #emptied: string
  readonly #statements = new Statements()
  #runs = 0
  #inRun = false
  #defers = false

  private constructor(db: PGlite, emptied: string) {
    this.#db = db
    this.#emptied = emptied
  }

  /** Takes seconds: once a process. */
  static async open(): Promise<Book> {
    const db = await openCluster({
      startParams: [...PGlite.defaultStartParams, ...START],
      extensions: { withoutTimers },
    })
    await db.exec(DETERMINISTIC)
    await db.exec(`SET ROLE ${SCHEMA_OWNER}`)
    await db.exec(migrations())
    await db.exec('RESET ROLE')
    const book = new Book(db, await emptying(db))
    book.#look()
    return book
  }

  /** Whether there are constraints that wait for COMMIT. */
  get defers(): boolean {
    return this.#defers
  }

  close(): Promise<void> {
    return this.#db.close()
  }

  /**
   * Begins a run with an empty book, as the role of the application that reads; each session has its own.
   *
   * @param seed for what SQL makes by itself
   */
  begin(seed: number): void {
    if (this.#inRun) throw new Error('a run is under way')
    this.#inRun = true
    // One plan a run, made anew after TRUNCATE: plans do not depend on earlier runs either.
    this.run(`BEGIN; SELECT setseed(${(seed >>> 0) / 2 ** 32}); SET LOCAL plan_cache_mode = force_generic_plan;
      SET LOCAL session_replication_role = replica; ${this.#emptied}; SET LOCAL session_replication_role = origin;
      SET LOCAL ROLE ${APPLICATION}`)
  }

  /** Ends a run: nothing of it is left. */
  end(): void {
    if (!this.#inRun) throw new Error('no run is under way')
    this.#inRun = false
    this.run('ROLLBACK')
    this.#look()
    if (++this.#runs % TIDY_EVERY === 0) for (const statement of TIDY) this.run(statement)
  }

  /** Ends a run that may have been left without an end. */
  abandon(): void {
    if (this.#inRun) this.end()
  }

  /**
   * Carries out what a client sends at once: a simple query, or a statement with values up to its sync.
   *
   * @returns the server's messages. The work is done when this returns.
   */
  exec(batch: Buffer): Buffer {
    return this.#statements.run(batch, (messages) => this.#send(messages))
  }

  /**
   * The same within simple queries before and after it, all carried out at once.
   *
   * @returns the answer to what stands between them; where that fails, what comes after it does too
   */
  execWithin(before: string, batch: Buffer, after: string | undefined = undefined): Buffer {
    const [first, last] = [simpleQuery(before), after === undefined ? [] : [simpleQuery(after)]]
    const answer = this.#statements.run(batch, (messages) => this.#send(Buffer.concat([first, messages, ...last])))
    const ends = readyEnds(answer)
    return answer.subarray(ends[0], ends[1])
  }

  #send(messages: Buffer): Buffer {
    const chunks: Buffer[] = []
    const onRawData = (bytes: Uint8Array) => void chunks.push(Buffer.from(bytes))
    // Its promise is about writing to a disk, and there is none: what went wrong shows in the answer.
    this.#db.execProtocolRawStream(messages, { syncToFs: false, onRawData }).catch(() => undefined)
    const answer = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
    if (!endsReady(answer)) throw new Error('the simulated database broke off')
    return answer
  }

  /** Runs statements without values. @throws BookError */
  run(sql: string): void {
    rowsOf(this.exec(simpleQuery(sql)))
  }

  /**
   * Reads, as the application; types come as in the reconciler. Must not be called with what can fail, or the run is over.
   *
   * @throws BookError
   */
  read<T>(sql: string, values: readonly (string | null)[] = []): T[] {
    return rowsOf(this.exec(extendedQuery(sql, values)))
  }

  /** As the owner of the schema: accounts, tariffs, frozen wallets. What fails changes nothing. @throws BookError */
  asOwner<T>(sql: string, values: readonly (string | null)[] = []): T[] {
    this.run(`SAVEPOINT owner; SET LOCAL ROLE ${SCHEMA_OWNER}`)
    try {
      return rowsOf<T>(this.exec(extendedQuery(sql, values)))
    } catch (error) {
      this.run('ROLLBACK TO owner')
      throw error
    } finally {
      this.run(`RELEASE owner; SET LOCAL ROLE ${APPLICATION}`)
      if (/\bDEFERRABLE\b/i.test(sql)) this.#look()
    }
  }

  #look(): void {
    this.#defers = this.read('SELECT FROM pg_constraint WHERE condeferrable').length > 0
  }
}

export class BookError extends Error {
  override name = 'BookError'
  readonly code: string | undefined

  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** What is read beside all sessions. */
export const APPLICATION = 'molam_read'

/** No run is ever committed: nothing has to be found again after a crash of this process. */
const START = ['-c', 'wal_level=minimal', '-c', 'max_wal_senders=0', '-c', 'full_page_writes=off', '-c', 'jit=off']

/** Each run leaves rows in the catalog and files that are empty. */
const TIDY_EVERY = 50
const TIDY = ['VACUUM pg_catalog.pg_class', 'VACUUM pg_catalog.pg_sequence', 'CHECKPOINT']

function migrations(): string {
  const dir = new URL('../../migrations/ledger/', import.meta.url)
  const files = readdirSync(dir).sort()
  return files
    .map((file) => asPlanted(`migrations/ledger/${file}`, readFileSync(new URL(file, dir), 'utf8')))
    .join('\n')
}

/** Tables with rows from migrations get them again. */
async function emptying(db: PGlite): Promise<string> {
  const { rows: tables } = await db.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname IN ('public', 'wallet_core') ORDER BY c.oid`,
  )
  const refill: string[] = []
  for (const { name } of tables) {
    const { rows } = await db.query<{ row: string }>(
      `SELECT quote_literal(t::text) || '::${name}' AS row FROM ${name} t`,
    )
    refill.push(...rows.map(({ row }) => `INSERT INTO ${name} SELECT (${row}).*`))
  }
  return [`TRUNCATE ${tables.map(({ name }) => name).join(', ')} RESTART IDENTITY`, ...refill].join('; ')
}

function rowsOf<T>(answer: Buffer): T[] {
  const rows: object[] = []
  let columns: readonly Column[] = []
  const failure = errorIn(answer)
  new protocol.Parser().parse(failure ?? answer, (message) => {
    if ('severity' in message) throw new BookError((message as { message?: string }).message ?? '', codeOf(message))
    if ('fieldCount' in message && message.name === 'rowDescription') columns = columnsOf(message)
    if (message.name === 'dataRow') rows.push(rowOf(columns, (message as { fields?: (string | null)[] }).fields ?? []))
  })
  return rows as T[]
}

interface Column {
  readonly name: string
  readonly parse: (text: string) => unknown
}

function columnsOf(description: object): readonly Column[] {
  const { fields } = description as { fields: readonly { name: string; dataTypeID: number }[] }
  return fields.map(({ name, dataTypeID }) => ({ name, parse: types.getTypeParser(dataTypeID, 'text') }))
}

const codeOf = (message: object) => (message as { code?: string }).code

const rowOf = (columns: readonly Column[], fields: readonly (string | null)[]): object =>
  Object.fromEntries(columns.map(({ name, parse }, i) => [name, fields[i] == null ? null : parse(fields[i])]))
