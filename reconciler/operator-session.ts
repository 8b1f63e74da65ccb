import pg from 'pg'
import { InvalidConfig, parseOperatorUrl } from './config.ts'
import { CONNECT_TIMEOUT_MS, inTransaction, KEEP_ALIVE_DELAY_MS, types } from './db.ts'

const ROLE = 'molam_operator'
/** For a request of 50 000 rows on a slow machine. Others wait for locks meanwhile, so a lock is waited for less. */
const STATEMENT_TIMEOUT_MS = 600_000
const LOCK_TIMEOUT_MS = 30_000

/**
 * One session of a person: `OPERATOR_DATABASE_URL` names a Postgres login of their own, a member of `molam_operator`. Who it is
 * says the database (`session_user`), so a password or certificate of theirs is what is checked.
 *
 * @throws InvalidConfig when the login is no operator's own
 */
export async function asOperator<T>(
  env: Readonly<Record<string, string | undefined>>,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: parseOperatorUrl(env),
    application_name: 'molam-operator',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    options: '-c synchronous_commit=on',
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    types,
  })
  // Also when it is gone between two statements, which would end the process unheard: the next one says so.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(`SET ROLE ${ROLE}`)
    return await work(client)
  } catch (error) {
    if ((error as { code?: unknown }).code === INSUFFICIENT_PRIVILEGE) {
      throw new InvalidConfig('OPERATOR_DATABASE_URL is no login of an operator’s own')
    }
    throw error
  } finally {
    await client.end()
  }
}

const INSUFFICIENT_PRIVILEGE = '42501'

/** Does the work and commits it; or, tentatively, does all of it and takes it back, so that it shows what would be done. */
export async function inOneGo<T>(client: pg.ClientBase, tentatively: boolean, work: () => Promise<T>): Promise<T> {
  if (!tentatively) return inTransaction(client, work)
  await client.query('BEGIN')
  try {
    return await work()
  } finally {
    await client.query('ROLLBACK')
  }
}
