import { APPLICATION, type Book } from './pglite.ts'
import {
  changedRows,
  done,
  error,
  errorIn,
  extendedQuery,
  ready,
  type SqlError,
  simpleQuery,
  sqlOf,
  withStatus,
} from './wire.ts'

/** A role that is set within a savepoint stays when its work does. */
const RELEASE = `RELEASE work; SET LOCAL ROLE ${APPLICATION}`

/**
 * A client's session. Its transactions are savepoints in the one transaction of the run:
 *
 *   BEGIN → SAVEPOINT   ·   COMMIT → deferred constraints, RELEASE   ·   ROLLBACK → ROLLBACK TO
 *
 * A statement outside of a transaction is one of its own. The server lets no two sessions have a transaction at a time.
 */
export class Session {
  /** As the server gave it to the client, which cancels by it; never given twice. */
  readonly processId: number
  readonly #book: Book
  readonly #settings: ReadonlyMap<string, string>
  #state: 'none' | 'open' | 'failed' = 'none'
  /** Its savepoint is made with its first statement. */
  #isBegun = false
  /** Of the transaction under way, or of the last one: what it asked. */
  statements: string[] = []
  /** Settings of this transaction only. */
  readonly #local = new Set<string>()

  constructor(processId: number, book: Book, settings: ReadonlyMap<string, string>) {
    this.processId = processId
    this.#book = book
    this.#settings = settings
  }

  get isOpen(): boolean {
    return this.#state !== 'none'
  }

  /** After so many milliseconds without a statement the server ends a transaction; undefined: never. */
  get idleMaxMs(): number | undefined {
    const ms = Number(this.#settings.get('idle_in_transaction_session_timeout') ?? 0)
    return ms > 0 ? ms : undefined
  }

  execute(batch: Buffer): Executed {
    const sql = sqlOf(batch)
    switch (stepOf(sql)) {
      case 'begin':
        if (!this.isOpen) {
          this.#state = 'open'
          this.statements = []
        }
        return { answer: Buffer.concat([done('BEGIN'), ready('T')]), wrote: false }
      case 'commit':
        return this.#commit()
      case 'rollback':
        this.rollback()
        return { answer: Buffer.concat([done('ROLLBACK'), ready('I')]), wrote: false }
      case 'statement':
        if (sql.includes('FROM pg_settings')) return { answer: this.#whatItIs(), wrote: false }
        if (this.#state === 'failed') return { answer: Buffer.concat([IN_FAILED, ready('E')]), wrote: false }
        return this.#state === 'open' ? this.#inTransaction(batch, sql) : this.#alone(batch, sql)
    }
  }

  /** As if the statement had failed with this error. */
  refuse(fault: SqlError): Executed {
    this.spoil()
    return { answer: Buffer.concat([error('ERROR', fault), ready(this.isOpen ? 'E' : 'I')]), wrote: false }
  }

  /** The transaction under way has failed, whether or not its client knows. */
  spoil(): void {
    if (this.#state === 'open') this.#state = 'failed'
  }

  /** Undoes the transaction under way, if there is one. */
  rollback(): void {
    if (this.#isBegun) this.#book.run('ROLLBACK TO work; RELEASE work')
    this.#ended()
  }

  #ended(): void {
    this.#state = 'none'
    this.#isBegun = false
    this.#local.clear()
  }

  #commit(): Executed {
    if (this.#state === 'failed') {
      this.rollback()
      return { answer: Buffer.concat([done('ROLLBACK'), ready('I')]), wrote: false }
    }
    const wrote = this.#isBegun
    const failure = this.#release()
    return { answer: Buffer.concat([failure ?? done('COMMIT'), ready('I')]), wrote: wrote && failure === undefined }
  }

  /** @returns the error of a deferred constraint, and then nothing has happened */
  #release(): Buffer | undefined {
    const failure = this.#isBegun ? this.#releaseWork() : undefined
    if (failure) this.rollback()
    this.#ended()
    return failure
  }

  #releaseWork(): Buffer | undefined {
    const local = [...this.#local].map((name) => `; SET LOCAL ${name} TO DEFAULT`).join('')
    const check = this.#book.defers ? 'SET CONSTRAINTS ALL IMMEDIATE; ' : ''
    return errorIn(this.#book.exec(simpleQuery(`${check}${RELEASE}${local}`)))
  }

  #inTransaction(batch: Buffer, sql: string): Executed {
    this.statements.push(sql)
    for (const [, name] of sql.matchAll(/\bSET LOCAL (\w+)/gi)) if (name) this.#local.add(name)
    const answer = this.#isBegun ? this.#book.exec(batch) : this.#book.execWithin(this.#savepoint, batch)
    this.#isBegun = true
    if (errorIn(answer)) this.#state = 'failed'
    return { answer: withStatus(answer, this.#state === 'failed' ? 'E' : 'T'), wrote: false }
  }

  #alone(batch: Buffer, sql: string): Executed {
    this.statements = [sql]
    // What constraints that wait for its end say of it is asked for by itself.
    const answer = this.#book.execWithin(this.#savepoint, batch, this.#book.defers ? undefined : RELEASE)
    const hasFailed = errorIn(answer) !== undefined
    this.#isBegun = hasFailed || this.#book.defers
    if (hasFailed) this.rollback()
    else {
      const failure = this.#release()
      if (failure) return { answer: Buffer.concat([failure, ready('I')]), wrote: false }
    }
    return { answer: withStatus(answer, 'I'), wrote: changedRows(answer) }
  }

  get #savepoint(): string {
    const constraints = this.#book.defers ? '; SET CONSTRAINTS ALL DEFERRED' : ''
    return `SAVEPOINT work${constraints}; SET LOCAL ROLE ${this.#role}`
  }

  /** It logs in as the one user that there is, and acts as what it asked for. */
  get #role(): string {
    return /\brole=(\w+)/.exec(this.#settings.get('options') ?? '')?.[1] ?? APPLICATION
  }

  /** What a client asked its session to be, as `pg_settings` would say: it is simulated around the book, not set in it. */
  #whatItIs(): Buffer {
    const known = ['synchronous_commit', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
    const rows = known.map((name) => `UNION ALL SELECT '${name}', '${this.#settings.get(name) ?? '0'}'`).join(' ')
    const sql = `SELECT 'current_user' AS name, '${this.#role}' AS value UNION ALL SELECT 'other_roles', 'none' ${rows}`
    // The same for all sessions of one kind, and asked by each.
    const answer = ANSWERS.get(sql) ?? this.#book.exec(extendedQuery(sql, []))
    ANSWERS.set(sql, answer)
    return withStatus(Buffer.from(answer), this.isOpen ? 'T' : 'I')
  }
}

const ANSWERS = new Map<string, Buffer>()

export interface Executed {
  readonly answer: Buffer
  /** Whether a transaction has ended that may have written something. */
  readonly wrote: boolean
}

export type Step = 'begin' | 'statement' | 'commit' | 'rollback'

export function stepOf(sql: string): Step {
  const [word = ''] = sql.trimStart().toUpperCase().split(/[\s;]/, 1)
  if (word === 'BEGIN' || word === 'START') return 'begin'
  if (word === 'COMMIT' || word === 'END') return 'commit'
  return word === 'ROLLBACK' || word === 'ABORT' ? 'rollback' : 'statement'
}

const IN_FAILED = error('ERROR', {
  code: '25P02',
  message: 'current transaction is aborted, commands ignored until end of transaction block',
})
