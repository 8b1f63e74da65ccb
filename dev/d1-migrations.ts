import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unstable_splitSqlQuery as splitSql } from 'wrangler'

/** The two calls of a D1 database that migrating takes; Miniflare's and workerd's both have them. */
export interface MigratableDatabase {
  prepare(sql: string): { bind(...values: unknown[]): MigratableStatement; all<T>(): Promise<{ results: T[] }> }
  batch(statements: MigratableStatement[]): Promise<unknown>
}
type MigratableStatement = object

/** wrangler's own table, to the letter: `wrangler d1 migrations list --local` sees what was applied here. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS "d1_migrations"(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`

/**
 * Applies the migrations of a directory that the database has not had, in the order of their names. A migration and
 * the record of it are one batch, which D1 runs as one transaction: it is applied and recorded, or neither.
 * @returns the names that were applied now
 */
export async function migrateD1(database: MigratableDatabase, directory: string): Promise<string[]> {
  await database.batch([database.prepare(CREATE_TABLE)])
  const { results } = await database.prepare('SELECT name FROM "d1_migrations"').all<{ name: string }>()
  const applied = new Set(results.map((row) => row.name))
  const pending = (await readdir(directory)).filter((name) => name.endsWith('.sql') && !applied.has(name)).sort()
  for (const name of pending) {
    const statements = splitSql(await readFile(join(directory, name), 'utf8'))
    const record = database.prepare('INSERT INTO "d1_migrations" (name) VALUES (?)').bind(name)
    await database.batch([...statements.map((sql) => database.prepare(sql)), record])
  }
  return pending
}
