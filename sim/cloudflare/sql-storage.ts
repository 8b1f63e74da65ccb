import type { SQLInputValue } from 'node:sqlite'
import type { ObjectDatabase } from './object-database.ts'
import { type Executed, isWrite, namedRow } from './sqlite.ts'

type Value = ArrayBuffer | string | number | null
type Row = Record<string, Value>

/** A workerd `SqlStorageCursor`, all of whose rows are there already. */
class SqlCursor<T extends Row> {
  readonly columnNames: string[]
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly #rows: readonly (readonly unknown[])[]
  #at = 0

  constructor({ columnNames, rows, changes }: Executed) {
    this.columnNames = [...columnNames]
    this.rowsRead = rows.length
    this.rowsWritten = changes
    this.#rows = rows
  }

  next(): IteratorResult<T, undefined> {
    const row = this.#rows[this.#at++]
    if (row === undefined) return { done: true, value: undefined }
    return { done: false, value: namedRow(this.columnNames, row, handedOut) as T }
  }

  toArray(): T[] {
    return [...this]
  }

  one(): T {
    const [row, ...others] = this.toArray()
    if (row === undefined) throw new Error('Expected exactly one result from SQL query, but got no results.')
    if (others.length > 0) throw new Error('Expected exactly one result from SQL query, but got multiple results.')
    return row
  }

  *raw<U extends Value[]>(): IterableIterator<U> {
    for (let row = this.#rows[this.#at++]; row !== undefined; row = this.#rows[this.#at++])
      yield row.map(handedOut) as U
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let row = this.next(); !row.done; row = this.next()) yield row.value
  }
}

/**
 * What an object has as `sql` in its storage.
 *
 * @param database of the object
 * @param alive throws when the instance is gone
 * @param writing called before each statement that can write
 */
export function sqlStorage(database: ObjectDatabase, alive: () => void, writing: () => void) {
  return {
    exec<T extends Row>(sql: string, ...bindings: unknown[]): SqlCursor<T> {
      alive()
      if (isWrite(sql)) writing()
      return new SqlCursor<T>(database.execute(sql, bindings.map(bound)))
    },
  }
}

/** workerd hands BLOBs out as buffers of their own. */
const handedOut = (value: unknown): Value =>
  value instanceof Uint8Array ? new Uint8Array(value).buffer : (value as Value)

/** Booleans, `undefined`, objects and bigints are not what SQLite keeps: refused, and not turned into something. */
function bound(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  throw new TypeError(`a ${typeof value} is not a value of SQL`)
}
