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
  #depth = 0
  #isMarked = false

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
    this.execute('SAVEPOINT mark')
  }

  keep(): void {
    if (!this.#isMarked) return
    this.#isMarked = false
    this.execute('RELEASE mark')
  }

  undo(): void {
    if (!this.#isMarked) return
    this.#isMarked = false
    this.execute('ROLLBACK TO mark')
    this.execute('RELEASE mark')
  }

  /** All of it or nothing, within the transaction that stands. */
  atomically<T>(work: () => T): T {
    this.begin()
    const savepoint = `level${++this.#depth}`
    this.execute(`SAVEPOINT ${savepoint}`)
    try {
      return work()
    } catch (error) {
      this.execute(`ROLLBACK TO ${savepoint}`)
      throw error
    } finally {
      this.execute(`RELEASE ${savepoint}`)
      this.#depth--
    }
  }

  #run({ statement, columnNames, writes }: Prepared, values: readonly SQLInputValue[]): Executed {
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
