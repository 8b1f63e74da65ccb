import { fileURLToPath } from 'node:url'
import pg from 'pg'
import Postgrator from 'postgrator'
import { inTransaction } from './db.ts'

/** Any fixed number: whoever migrates this database takes the same advisory lock. */
const MIGRATION_LOCK = 8_098_001

const FILES = fileURLToPath(new URL('../migrations/ledger/*.sql', import.meta.url))

/**
 * Brings the ledger's schema to the newest version, as its owner. Safe to call from any number of processes: one
 * migrates, the others wait and find nothing to do. All files and the record of them commit together, so a process that
 * dies in between leaves nothing behind.
 *
 * @returns names of the files that were applied now
 * @throws when a file that was applied has changed since
 */
export async function migrate(ownerUrl: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'molam-migrate' })
  await client.connect()
  try {
    return await inTransaction(client, async () => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
      const postgrator = new Postgrator({
        driver: 'pg',
        migrationPattern: FILES,
        schemaTable: 'public.schema_versions',
        newline: 'LF',
        execQuery: (sql) => client.query(sql),
      })
      const applied = await postgrator.migrate()
      return applied.map(({ version, name }) => `${String(version).padStart(3, '0')}.${name}`)
    })
  } finally {
    await client.end()
  }
}
