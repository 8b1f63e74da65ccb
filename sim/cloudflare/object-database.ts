import type { SQLInputValue } from 'node:sqlite'
import { type Executed, isWrite, Sqlite } from './sqlite.ts'

/**
 * What `CREATE` statements make, and databases that hold it and no row. Objects make the same tables again and again: they are
 * made once a process, and the statements of an object prepared once.
 */
class Schema {
  readonly #made: readonly string[]
  readonly #free: Sqlite[]
  readonly #next = new Map<string, Schema>()

  constructor(made: readonly string[], free: Sqlite[]) {
    this.#made = made
    this.#free = free
  }

  /** With one more statement. @throws what SQLite says of it */
  with(sql: string): Schema {
    const known = this.#next.get(sql)
    if (known !== undefined) return known
    const sqlite = this.take()
    try {
      sqlite.run(sql)
    } catch (error) {
      this.giveBack(sqlite)
      throw error
    }
    const next = new Schema([...this.#made, sql], [sqlite])
    this.#next.set(sql, next)
    return next
  }

  take(): Sqlite {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const sqlite = new Sqlite()
    for (const sql of this.#made) sqlite.run(sql)
    return sqlite
  }

  /** What a database answers that has no row. */
  read(sql: string, values: readonly SQLInputValue[]): Executed {
    const sqlite = this.take()
    try {
      return sqlite.execute(sql, values)
    } finally {
      this.giveBack(sqlite)
    }
  }

  giveBack(sqlite: Sqlite): void {
    this.#free.push(sqlite)
  }
}

const EMPTY = new Schema([], [])
const NOTHING: Executed = { columnNames: [], rows: [], changes: 0 }
const isCreate = (sql: string): boolean => /^\s*CREATE\b/i.test(sql)

/**
 * The database of one object. It begins empty. Until a row is written it is no more than a schema; after that it is one of that
 * schema's databases, in a transaction that `close` takes back.
 */
export class ObjectDatabase {
  #schema = EMPTY
  #sqlite: Sqlite | undefined
  /** As it was committed last. */
  #committedSchema = EMPTY
  #isCommitted = false

  execute(sql: string, values: readonly SQLInputValue[] = []): Executed {
    if (this.#sqlite !== undefined) return this.#sqlite.execute(sql, values)
    if (isCreate(sql)) {
      this.#schema = this.#schema.with(sql)
      return NOTHING
    }
    if (!isWrite(sql)) return this.#schema.read(sql, values)
    this.#sqlite = this.#schema.take()
    this.#sqlite.begin()
    return this.#sqlite.execute(sql, values)
  }

  begin(): void {
    this.#sqlite?.mark()
  }

  commit(): void {
    this.#sqlite?.keep()
    this.#committedSchema = this.#schema
    this.#isCommitted = this.#sqlite !== undefined
  }

  /** Back to what was committed last. */
  rollback(): void {
    if (this.#isCommitted) this.#sqlite?.undo()
    else this.#leave(this.#committedSchema)
  }

  /** All of it or nothing, within the transaction that stands. */
  atomically<T>(work: () => T): T {
    if (this.#sqlite !== undefined) return this.#sqlite.atomically(work)
    const before = this.#schema
    try {
      return work()
    } catch (error) {
      this.#leave(before)
      throw error
    }
  }

  close(): void {
    this.#leave(EMPTY)
  }

  /** Nothing is in it but this schema. */
  #leave(schema: Schema): void {
    this.#sqlite?.rollback()
    if (this.#sqlite) this.#schema.giveBack(this.#sqlite)
    this.#sqlite = undefined
    this.#schema = schema
  }
}
