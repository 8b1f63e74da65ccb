import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

/** What a statement gave. */
export interface Executed {
  readonly columnNames: readonly string[]
  /** In the order of the columns; BLOBs as `Uint8Array`. */
  readonly rows: readonly (readonly unknown[])[]
  /** Rows that were inserted, updated or deleted. */
  readonly changes: number
}

/** Rows by the names of their columns. */
export const named = ({ columnNames, rows }: Executed): Record<string, unknown>[] =>
  rows.map((row) => namedRow(columnNames, row, (value) => value))

export function namedRow<T>(
  columnNames: readonly string[],
  values: readonly unknown[],
  handOut: (value: unknown) => T,
): Record<string, T> {
  const row: Record<string, T> = {}
  for (let at = 0; at < columnNames.length; at++) row[columnNames[at] as string] = handOut(values[at])
  return row
}

interface Prepared {
  readonly statement: StatementSync
  readonly columnNames: readonly string[]
  readonly writes: boolean
}

/** Whether a statement can change anything. With words of SQL in its texts one is taken for a write; none passes for a read. */
export function isWrite(sql: string): boolean {
  let writes = writing.get(sql)
  if (writes === undefined) {
    writes = !READS.test(sql) || WRITES.test(sql)
    writing.set(sql, writes)
  }
  return writes
}
/** Statements have their values beside them, so there are not many. */
const writing = new Map<string, boolean>()
const READS = /^\s*(SELECT|VALUES|EXPLAIN|WITH)\b/i
const WRITES = /\b(INSERT|UPDATE|DELETE|REPLACE)\b/i

/** A database in memory; statements are prepared once. */
export class Sqlite {
  readonly #db = new DatabaseSync(':memory:')
  readonly #prepared = new Map<string, Prepared>()
  #changes: StatementSync | undefined
  readonly #control = new Map<string, StatementSync>()
  #isMarked = false
  /** Levels of `atomically` that are running, and how many of them have a savepoint: the others have written nothing. */
  #depth = 0
  #saved = 0
  /** The mark is where the first level began, so that level has no savepoint of its own. */
  #isLevelTheMark = false

  /** Every statement of a text, one after the other. @param values of the last one @returns what the last one gave */
  execute(sql: string, values: readonly SQLInputValue[] = []): Executed {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return this.#run(known, values)
    const statement = this.#db.prepare(sql)
    const rest = sql.slice(statement.sourceSQL.length)
    if (BLANK.test(rest)) {
      statement.setReturnArrays(true)
      const columnNames = statement.columns().map(({ name }) => name)
      const prepared = { statement, columnNames, writes: isWrite(sql) }
      this.#prepared.set(sql, prepared)
      return this.#run(prepared, values)
    }
    // What follows may name a table that this one makes.
    this.#save()
    statement.run()
    return this.execute(rest, values)
  }

  /** Runs a text of statements that nobody runs again. */
  run(sql: string): void {
    this.#db.exec(sql)
  }

  /** Replaces a function that SQL has by itself. */
  define(name: string, call: (...values: SQLInputValue[]) => SQLInputValue): void {
    this.#db.function(name, { varargs: true }, call)
  }

  begin(): void {
    if (!this.#db.isTransaction) this.#db.exec('BEGIN')
  }

  rollback(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    this.#isMarked = false
  }

  /** Where `undo` goes back to, within the transaction that stands: here, until what follows is kept or undone. */
  mark(): void {
    if (this.#isMarked) return
    this.#isMarked = true
    this.#do('SAVEPOINT mark')
    if (this.#depth !== 1 || this.#saved !== 0) return
    this.#isLevelTheMark = true
    this.#saved = 1
  }

  keep(): void {
    if (!this.#isMarked) return
    this.#isMarked = false
    this.#do('RELEASE mark')
  }

  undo(): void {
    if (!this.#isMarked) return
    this.#isMarked = false
    this.#do('ROLLBACK TO mark')
    this.#do('RELEASE mark')
  }

  /** All of it or nothing, within the transaction that stands. What writes nothing costs nothing. */
  atomically<T>(work: () => T): T {
    const level = ++this.#depth
    try {
      return work()
    } catch (error) {
      if (this.#saved >= level) this.#do(`ROLLBACK TO ${this.#savepoint(level)}`)
      throw error
    } finally {
      if (this.#saved >= level) {
        this.#saved = level - 1
        if (this.#savepoint(level) === 'mark') this.#isLevelTheMark = false
        else this.#do(`RELEASE level${level}`)
      }
      this.#depth--
    }
  }

  #savepoint(level: number): string {
    return level === 1 && this.#isLevelTheMark ? 'mark' : `level${level}`
  }

  /** Before the first write of a level: where it goes back to. */
  #save(): void {
    if (this.#saved === this.#depth) return
    this.begin()
    while (this.#saved < this.#depth) this.#do(`SAVEPOINT level${++this.#saved}`)
  }

  #do(sql: string): void {
    let statement = this.#control.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#control.set(sql, statement)
    }
    statement.run()
  }

  #run({ statement, columnNames, writes }: Prepared, values: readonly SQLInputValue[]): Executed {
    if (writes) this.#save()
    if (columnNames.length === 0) {
      return { columnNames, rows: [], changes: Number(statement.run(...values).changes) }
    }
    const rows = statement.all(...values) as unknown as unknown[][]
    if (!writes) return { columnNames, rows, changes: 0 }
    this.#changes ??= this.#db.prepare('SELECT changes() AS n')
    return { columnNames, rows, changes: Number(this.#changes.get()?.['n']) }
  }
}

/** Nothing but space, semicolons and comments. */
const BLANK = /^(\s|;|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*$/
