import pg from 'pg'

/** 64-bit integers come as numbers: amounts and counters are bounded by 2^53, and one that is not must not be rounded. */
function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer beyond 2^53 in the database')
  return value
}

const INT8_OID = 20
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? safeInteger
      : pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
}

/** What runs longer than these is stuck; the work is taken up again after it was cut off. */
const STATEMENT_TIMEOUT_MS = 30_000
const LOCK_TIMEOUT_MS = 10_000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

/** Sessions of the application. They act as `molam_reconciler` whoever logs in, so never as the owner of the schema. */
export function openPool(url: string, onError: (error: Error) => void, connectionsMax = 4): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    application_name: 'molam-reconciler',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    options: '-c role=molam_reconciler',
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    types,
  })
  // A connection that breaks while idle is replaced; unheard it would end the process.
  pool.on('error', onError)
  // So would one that breaks in use between two queries: the next query on it says so.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** The transaction was rolled back at COMMIT, or it is not known whether it committed: do the work again. */
export class NotCommitted extends Error {
  override name = 'NotCommitted'
}

/**
 * Runs `work` in a transaction. When this returns, it is committed. When it throws, it is rolled back, or the
 * connection broke during COMMIT and nobody knows: every unit of work must be one that can be done again.
 */
export async function inTransaction<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  let result: T
  try {
    result = await work()
  } catch (error) {
    // The connection may be what failed; the first error is the one that tells.
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
  // Postgres answers COMMIT of a failed transaction with ROLLBACK and no error.
  const { command } = await client.query('COMMIT')
  if (command !== 'COMMIT') throw new NotCommitted(`COMMIT was answered with ${command}`)
  return result
}

/** A transaction on a connection of the pool; a connection that failed is not given back to it. */
export async function transact<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let failed: Error | undefined
  try {
    return await inTransaction(client, () => work(client))
  } catch (error) {
    failed = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    client.release(failed)
  }
}

/**
 * SQLSTATE (Appendix A of the Postgres manual): connections, deadlocks and serialization, resources; a lock that was not
 * had in time; a server that stops or starts, or is a standby. Not 57014: a statement that always takes too long is a fault
 * of its own.
 */
const TRANSIENT_STATE = /^(08...|40...|53...|55P03|57P0.|25006|25P0[34])$/
const TRANSIENT_SOCKET = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN'],
])
/** What node-postgres and its pool say of a connection, without a code. */
const TRANSIENT_TEXT =
  /^(Connection terminated|timeout exceeded when trying to connect|Client was closed|Client has encountered a connection error)/

/** Whether the same work may succeed when it is done again without a change, and nothing is wrong with the work itself. */
export function isTransient(error: unknown): boolean {
  if (error instanceof NotCommitted) return true
  if (!(error instanceof Error)) return false
  const code = (error as { readonly code?: unknown }).code
  if (error instanceof pg.DatabaseError) return typeof code === 'string' && TRANSIENT_STATE.test(code)
  if (typeof code === 'string') return TRANSIENT_SOCKET.has(code)
  return TRANSIENT_TEXT.test(error.message)
}
