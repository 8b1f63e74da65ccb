import { fileURLToPath } from 'node:url'
import pg from 'pg'
import Postgrator from 'postgrator'
import { CONNECT_TIMEOUT_MS, inTransaction, KEEP_ALIVE_DELAY_MS } from './db.ts'

/** Any fixed number: whoever migrates this database takes the same advisory lock. */
const MIGRATION_LOCK = 8_098_001

const FILES = fileURLToPath(new URL('../migrations/ledger/*.sql', import.meta.url))

/**
 * Brings the ledger's schema to the newest version, as its owner. Safe to call from any number of processes: one
 * migrates, the others wait and find nothing to do. All files and the record of them commit together, so a process that
 * dies in between leaves nothing behind.
 *
 * @param onFile told before each file, of how many
 * @returns names of the files that were applied now
 * @throws when a file that was applied has changed since
 */
export async function migrate(
  ownerUrl: string,
  onFile: (file: string, done: number, total: number) => void = () => undefined,
): Promise<readonly string[]> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'molam-migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // A migration takes as long as it takes; a server that is gone is noticed.
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
  })
  // Also when it is gone between two statements, which would end the process unheard: the next one says so.
  client.on('error', () => undefined)
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
      const total = (await postgrator.getMaxVersion()) - (await postgrator.getDatabaseVersion())
      let done = 0
      postgrator.on('migration-started', (migration) => onFile(nameOf(migration), done++, total))
      return (await postgrator.migrate()).map(nameOf)
    })
  } finally {
    await client.end()
  }
}

const nameOf = ({ version, name }: Postgrator.Migration) => `${String(version).padStart(3, '0')}.${name}`
