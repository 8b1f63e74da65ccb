import { expect, test } from 'vitest'
import { ObjectDatabase } from '../../../sim/cloudflare/object-database.ts'

const TABLES = [
  'CREATE TABLE paid (id INTEGER PRIMARY KEY, amount INTEGER) STRICT',
  'CREATE TABLE told (id INTEGER) STRICT',
]
const create = (database: ObjectDatabase) => TABLES.forEach((sql) => void database.execute(sql))
const tables = (database: ObjectDatabase) =>
  database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").rows.flat()
const paid = (database: ObjectDatabase) => database.execute('SELECT amount FROM paid ORDER BY id').rows.flat()
const pay = (database: ObjectDatabase, amount: number) => {
  database.begin()
  database.execute('INSERT INTO paid (amount) VALUES (?)', [amount])
}

test('what is not committed is taken back: rows, and tables', () => {
  const database = new ObjectDatabase()
  expect(tables(database)).toEqual([])
  create(database)
  expect(tables(database)).toEqual(['paid', 'told'])
  expect(paid(database)).toEqual([])
  pay(database, 1)
  database.rollback()
  expect(tables(database)).toEqual([])
  create(database)
  pay(database, 1)
  database.commit()
  pay(database, 2)
  expect(paid(database)).toEqual([1, 2])
  database.rollback()
  expect(paid(database)).toEqual([1])
  database.rollback()
  expect(paid(database)).toEqual([1])
})

test('tables that were committed stay when the first row is taken back', () => {
  const database = new ObjectDatabase()
  create(database)
  database.commit()
  pay(database, 1)
  database.rollback()
  expect([tables(database), paid(database)]).toEqual([['paid', 'told'], []])
})

test('work that fails leaves nothing, also what it created', () => {
  const database = new ObjectDatabase()
  const failing = () => {
    create(database)
    pay(database, 1)
    throw new Error('failed')
  }
  expect(() => database.atomically(failing)).toThrow('failed')
  expect(tables(database)).toEqual([])
  database.atomically(() => {
    create(database)
    pay(database, 1)
    const inner = () => {
      pay(database, 2)
      throw new Error('failed')
    }
    expect(() => database.atomically(inner)).toThrow('failed')
  })
  expect(paid(database)).toEqual([1])
})

test('no object finds anything of another one, or of one before it', () => {
  const [first, second] = [new ObjectDatabase(), new ObjectDatabase()]
  create(first)
  pay(first, 1)
  first.commit()
  create(second)
  pay(second, 2)
  expect([paid(first), paid(second)]).toEqual([[1], [2]])
  first.close()
  second.close()
  const third = new ObjectDatabase()
  expect(tables(third)).toEqual([])
  create(third)
  expect(paid(third)).toEqual([])
  pay(third, 3)
  // Numbers begin anew.
  expect(third.execute('SELECT id, amount FROM paid').rows).toEqual([[1, 3]])
})

test('a table that cannot be made is refused at once, and there is none', () => {
  const database = new ObjectDatabase()
  create(database)
  expect(() => create(database)).toThrow('already exists')
  expect(() => database.execute('CREATE TABLE wrong (')).toThrow('incomplete input')
  expect(() => database.execute('SELECT * FROM none')).toThrow('no such table')
  expect(tables(database)).toEqual(['paid', 'told'])
})
