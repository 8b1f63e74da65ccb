import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Takes a directory for this process: two stacks on one directory would stop each other's Postgres. SQLite's lock on a file in
 * it is the operating system's: whatever ends the process ends the lock.
 *
 * @returns what gives it back; undefined when somebody has it
 */
export function lockDirectory(dir: string): (() => void) | undefined {
  mkdirSync(dir, { recursive: true })
  const database = new DatabaseSync(join(dir, 'lock'))
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch {
    database.close()
    return undefined
  }
  writeFileSync(join(dir, 'lock.pid'), String(process.pid))
  return () => database.close()
}

/** The process that has the directory, for a message about it. */
export function lockHolder(dir: string): string {
  return readFileSync(join(dir, 'lock.pid'), 'utf8')
}
