import { readdirSync, readFileSync } from 'node:fs'
import { Sqlite } from './sqlite.ts'

const MIGRATIONS = new URL('../../migrations/edge/', import.meta.url)

/** A database with the migrations applied, and whose time it tells. */
interface Migrated {
  readonly sqlite: Sqlite
  readonly time: { clock: Clock }
}

interface Clock {
  readonly nowMs: number
}

const free: Migrated[] = []
const taken = new Map<Sqlite, Migrated>()

/**
 * A database as the migrations leave it. They are applied once: what a run writes stands in one transaction, which `release`
 * takes back.
 *
 * @param clock what SQL takes for the time
 */
export function databaseOf(clock: Clock): Sqlite {
  const migrated = free.pop() ?? migrate()
  migrated.time.clock = clock
  taken.set(migrated.sqlite, migrated)
  migrated.sqlite.begin()
  return migrated.sqlite
}

export function release(sqlite: Sqlite): void {
  const migrated = taken.get(sqlite)
  if (migrated === undefined) return
  taken.delete(sqlite)
  sqlite.rollback()
  free.push(migrated)
}

function migrate(): Migrated {
  const sqlite = new Sqlite()
  const time = { clock: { nowMs: 0 } }
  sqlite.define('unixepoch', () => Math.floor(time.clock.nowMs / 1000))
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql'))
  for (const name of names.sort()) sqlite.run(readFileSync(new URL(name, MIGRATIONS), 'utf8'))
  return { sqlite, time }
}
