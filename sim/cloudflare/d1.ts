import type { SQLInputValue } from 'node:sqlite'
import { databaseOf, type RowWitness, release } from './d1-database.ts'
import { connectionLostByD1, d1Error, d1TypeError, rowRefusedByD1 } from './d1-errors.ts'
import type { Life } from './life.ts'
import { type Platform, partOf, travel } from './platform.ts'
import { type Executed, isWrite, namedRow, type Sqlite } from './sqlite.ts'

/** How long a slow answer takes at most, milliseconds: longer than any deadline. */
const SLOW_MS_MAX = 30_000
/** https://developers.cloudflare.com/d1/platform/limits/ */
const PARAMETERS_MAX = 100

/** A row as D1 answers it. */
type Row = Readonly<Record<string, unknown>>

export interface D1Answer {
  readonly success: true
  readonly results: Row[]
  readonly meta: Readonly<Record<string, unknown>>
}

/**
 * D1: one database for the Worker, the migrations applied. A batch is one transaction. A call may fail before it does anything,
 * or after it did all of it.
 */
export class SimulatedD1 {
  readonly #sqlite: Sqlite
  readonly #platform: Platform

  constructor(platform: Platform, witness?: RowWitness) {
    this.#platform = partOf(platform, 'd1')
    this.#sqlite = databaseOf(platform.scheduler, witness)
  }

  /** The binding, for who runs in this life. */
  binding(life: Life) {
    const call = <T>(what: string, writes: boolean, run: () => T): Promise<T> =>
      life.inside(() => this.#call(what, writes, run))
    return {
      prepare: (sql: string) =>
        new Statement(sql, [], (statement) => call(sql, isWrite(sql), () => this.#run(statement))),
      batch: (statements: readonly Statement[]): Promise<D1Answer[]> => {
        const [first] = statements
        if (first === undefined) return Promise.resolve([])
        const writes = statements.some(({ sql }) => isWrite(sql))
        return call(first.sql, writes, () =>
          this.#sqlite.atomically(() => statements.map((statement) => answerOf(this.#run(statement)))),
        )
      },
    }
  }

  /** Rows as they stand, at once; for checks. */
  read(sql: string, ...values: SQLInputValue[]): Row[] {
    return answerOf(this.#sqlite.execute(sql, values)).results
  }

  /** Takes back all that the run wrote. */
  close(): void {
    release(this.#sqlite)
  }

  async #call<T>(what: string, writes: boolean, run: () => T): Promise<T> {
    const { faults, random, scheduler } = this.#platform
    await travel(this.#platform)
    if (faults.strikes('d1_call_lost', what)) throw connectionLostByD1()
    if (writes && faults.strikes('d1_row_refused', what)) throw rowRefusedByD1()
    const answer = outcomeOf(run)
    if (faults.strikes('d1_slow', what)) await scheduler.sleep(random.next() * SLOW_MS_MAX)
    await travel(this.#platform)
    if (faults.strikes('d1_answer_lost', what)) throw connectionLostByD1()
    if ('error' in answer) throw d1Error(answer.error)
    return answer.value
  }

  #run({ sql, values }: Statement): Executed {
    if (values.length > PARAMETERS_MAX) throw new Error('too many SQL variables: SQLITE_ERROR')
    return this.#sqlite.execute(sql, values)
  }
}

/** A `D1PreparedStatement`. */
class Statement {
  readonly sql: string
  readonly values: readonly SQLInputValue[]
  readonly #execute: (statement: Statement) => Promise<Executed>

  constructor(sql: string, values: readonly SQLInputValue[], execute: (statement: Statement) => Promise<Executed>) {
    this.sql = sql
    this.values = values
    this.#execute = execute
  }

  /** @throws Error `D1_TYPE_ERROR` */
  bind(...values: unknown[]): Statement {
    return new Statement(this.sql, values.map(bound), this.#execute)
  }

  async all(): Promise<D1Answer> {
    return answerOf(await this.#execute(this))
  }

  run(): Promise<D1Answer> {
    return this.all()
  }

  /** @returns the first row, or its value of one column; null when there is none */
  async first(column?: string): Promise<unknown> {
    const [row] = (await this.all()).results
    if (row === undefined) return null
    if (column === undefined) return row
    if (!Object.hasOwn(row, column)) throw new Error('D1_COLUMN_NOTFOUND: Column not found')
    return row[column]
  }

  /** Rows as lists, in the order of the columns. */
  async raw({ columnNames = false }: { readonly columnNames?: boolean } = {}): Promise<unknown[][]> {
    const executed = await this.#execute(this)
    const rows = executed.rows.map((row) => row.map(answered))
    return columnNames ? [[...executed.columnNames], ...rows] : rows
  }
}

function outcomeOf<T>(run: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: run() }
  } catch (error) {
    return { error }
  }
}

function answerOf({ columnNames, rows, changes }: Executed): D1Answer {
  return {
    success: true,
    results: rows.map((row) => namedRow(columnNames, row, answered)),
    meta: { ...UNMEASURED, rows_read: rows.length, rows_written: changes, changes, changed_db: changes > 0 },
  }
}

/** What D1 says beside, and nobody reads. */
const UNMEASURED = { duration: 0, size_after: 0, last_row_id: 0 }

/** D1 answers in JSON, and bytes as lists of numbers. */
const answered = (value: unknown): unknown => (value instanceof Uint8Array ? [...value] : value)

function bound(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0))
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
  throw d1TypeError(value)
}
