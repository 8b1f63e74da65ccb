import { releaseParked } from '../../reconciler/commands/release.ts'
import { DatabaseProcess } from './pool.ts'
import type { DatabaseServer } from './server.ts'

/** SQLSTATE of a statement that took too long. One that always does is for a person to see, so its message is parked. */
const CUT_OFF = 'error 57014'

const LOGIN = { url: 'postgres://record@book.sim/molam', role: 'molam_record' } as const

/** What an operator does who sees that the database has recovered: what it had cut off too often goes on. */
export async function releaseCutOff(database: DatabaseServer): Promise<void> {
  const pool = new DatabaseProcess(database, 'operator').openPool(LOGIN, () => undefined)
  try {
    await releaseParked(pool, { fault: CUT_OFF }, 'user:ops', new Date(database.scheduler.nowMs))
  } finally {
    await pool.end()
  }
}
