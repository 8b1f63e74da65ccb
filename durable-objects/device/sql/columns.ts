/**
 * The columns of a row, once: `insert`, `update` and `select` are made of the same list, so no value can come to stand in
 * another's column. The texts are made when a module is loaded; a statement only encodes its values.
 *
 * @example
 * const columns: Columns<Point> = { x: plain('x'), isSet: flag('is_set') }
 * const POINT = fieldsOf(columns, ['x', 'isSet'])
 * sql.exec(`INSERT INTO points (${POINT.names}) VALUES (${POINT.marks})`, ...POINT.encode({ x: 1, isSet: true }))
 * const points = rowsOf(sql, `SELECT ${POINT.names} FROM points`).map(POINT.decode)
 */
type Values = readonly SqlStorageValue[]

/**
 * Rows as lists of values, in the order of the statement's columns: the runtime makes an object with names several times as
 * slowly, and a push reads a hundred columns.
 */
export const rowsOf = (sql: SqlStorage, query: string, ...bindings: SqlStorageValue[]): Values[] => [
  ...sql.exec(query, ...bindings).raw(),
]

/** @throws Error unless there is one row */
export function rowOf(sql: SqlStorage, query: string, ...bindings: SqlStorageValue[]): Values {
  const [row, ...others] = rowsOf(sql, query, ...bindings)
  if (row === undefined || others.length > 0) throw new Error('not one row')
  return row
}

/** The column of a field, and the field as SQLite keeps it. */
interface Column<Value> {
  readonly name: string
  readonly encode: (value: Value) => SqlStorageValue
  readonly decode: (stored: SqlStorageValue) => Value
}

/** A column for each field: a field without a column does not compile. */
export type Columns<Fields> = { readonly [Name in keyof Fields]-?: Column<Fields[Name]> }

/** Some of a row's fields, always in the same order. */
interface Fields<Part> {
  /** `a, b` */
  readonly names: string
  /** `?, ?` */
  readonly marks: string
  /** `a = ?, b = ?` */
  readonly set: string
  readonly encode: (part: Part) => SqlStorageValue[]
  /** @param row what `SELECT names` gives; columns behind them are not looked at */
  readonly decode: (row: Values) => Part
}

export function fieldsOf<All, Name extends keyof All & string>(
  columns: Columns<All>,
  names: readonly Name[],
): Fields<Pick<All, Name>> {
  const fields = names.map((field) => ({ field, ...columns[field] }))
  return {
    names: fields.map(({ name }) => name).join(', '),
    marks: fields.map(() => '?').join(', '),
    set: fields.map(({ name }) => `${name} = ?`).join(', '),
    encode: (part) => fields.map(({ field, encode }) => encode(part[field])),
    decode: (row) => {
      if (row.length < fields.length) throw new Error(`a row without ${fields[row.length]?.name}`)
      const part: Partial<Pick<All, Name>> = {}
      fields.forEach(({ field, decode }, at) => {
        part[field] = decode(row[at] ?? null)
      })
      return part as Pick<All, Name>
    },
  }
}

/** All of a row's fields. */
export const allOf = <All>(columns: Columns<All>): Fields<All> =>
  fieldsOf(columns, Object.keys(columns) as (keyof All & string)[]) as unknown as Fields<All>

/** The statement that writes a whole row. */
export const insertInto = (table: string, { names, marks }: Pick<Fields<never>, 'names' | 'marks'>): string =>
  `INSERT INTO ${table} (${names}) VALUES (${marks})`

/** A field that SQLite keeps as it is. */
export const plain = <Value extends SqlStorageValue>(name: string): Column<Value> => ({
  name,
  encode: (value) => value,
  decode: (stored) => stored as Value,
})

export const flag = (name: string): Column<boolean> => ({
  name,
  encode: (value) => (value ? 1 : 0),
  decode: (stored) => stored === 1,
})

export const blob = (name: string): Column<Uint8Array> => ({
  name,
  encode: buffer,
  decode: (stored) => new Uint8Array(stored as ArrayBuffer),
})

/** A field that is kept as JSON, and nothing selects by. */
export const json = <Value>(name: string): Column<Value> => jsonAs(name, asItIs, asItIs)

/** @param to what JSON can write of the field @param from the field out of it */
export const jsonAs = <Value, Written>(
  name: string,
  to: (value: Value) => Written,
  from: (written: Written) => Value,
): Column<Value> => ({
  name,
  encode: (value) => JSON.stringify(to(value)),
  decode: (stored) => from(JSON.parse(stored as string) as Written),
})

const asItIs = <Value>(value: Value): Value => value

/**
 * SQLite takes ArrayBuffers; a view into a larger one must not drag the rest along. Copied by the constructor, because
 * what comes from the CBOR encoder may be a Buffer, whose `slice` copies nothing.
 */
export const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
