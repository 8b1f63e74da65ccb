import { readdirSync, readFileSync } from 'node:fs'
import { Sqlite } from './sqlite.ts'

const MIGRATIONS = new URL('../../migrations/edge/', import.meta.url)

/** A database with the migrations applied, and whose time it tells. */
interface Migrated {
  readonly sqlite: Sqlite
  readonly time: { clock: Clock }
  readonly witness: { tell: RowWitness }
}

interface Clock {
  readonly nowMs: number
}

/** Told of each row of a table with states, as it is written. */
export type RowWitness = (machine: 'bundle' | 'device', id: string, status: string, payments?: string) => void

const free: Migrated[] = []
const taken = new Map<Sqlite, Migrated>()

/**
 * A database as the migrations leave it. They are applied once: what a run writes stands in one transaction, which `release`
 * takes back.
 *
 * @param clock what SQL takes for the time
 */
export function databaseOf(clock: Clock, witness: RowWitness = () => undefined): Sqlite {
  const migrated = free.pop() ?? migrate()
  migrated.time.clock = clock
  migrated.witness.tell = witness
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
  const witness: Migrated['witness'] = { tell: () => undefined }
  sqlite.define('witness', (machine, id, status, payments) => {
    witness.tell(machine as 'bundle', String(id), String(status), payments === null ? undefined : String(payments))
    return null
  })
  for (const event of ['INSERT', 'UPDATE']) sqlite.run(witnesses(event))
  return { sqlite, time, witness }
}

const witnesses = (event: string) => `
  CREATE TEMP TRIGGER bundle_${event} AFTER ${event} ON offline_tx_bundles BEGIN
    SELECT witness('bundle', NEW.device_id || '/' || NEW.bundle_id, NEW.status, NEW.payments);
  END;
  CREATE TEMP TRIGGER device_${event} AFTER ${event} ON offline_devices BEGIN
    SELECT witness('device', NEW.device_id, NEW.status, NULL);
  END`
