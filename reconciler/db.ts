import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import { DATABASE_TIMEOUT_MS, InvalidConfig, type Login, ROLES } from './config.ts'

/** 64-bit integers come as numbers: amounts and counters are bounded by 2^53, and one that is not must not be rounded. */
function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer beyond 2^53 in the database')
  return value
}

const INT8_OID = 20
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? safeInteger
      : pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
}

/** How long things may take, in milliseconds; what takes longer is stuck, and is taken up again after it was cut off. */
interface Timeouts {
  readonly statementMs: number
  readonly lockMs: number
  readonly idleInTransactionMs: number
  /**
   * Without a byte from the server. The server's own timeouts end what it is working on, but only this process can end
   * the wait for a link that has fallen silent. Longer than a statement may take.
   */
  readonly silenceMs: number
}

const timeoutsOf = (statementMs: number): Timeouts => ({
  statementMs,
  lockMs: Math.round(statementMs / 3),
  idleInTransactionMs: statementMs,
  silenceMs: Math.round((statementMs * 4) / 3),
})

export const CONNECT_TIMEOUT_MS = 5_000
/** The kernel asks an idle peer whether it is still there. */
export const KEEP_ALIVE_DELAY_MS = 10_000

/**
 * Sessions of one of the application's roles. They act as it whoever logs in, so never as the owner of the schema, and every
 * wait for the database ends by this process's own clock.
 *
 * A pooler in between may drop what a session is asked to be, and a login may be able to be another of the roles as well. Each
 * new session is therefore checked before its first use, and `UnguardedSession` is thrown by whatever wanted it.
 *
 * @param timeoutMs how long a statement may take; the other timeouts follow from it
 * @param stream what a connection runs over; a socket when left out
 */
export function openPool(
  { url, role }: Login,
  onError: (error: Error) => void,
  connectionsMax = 4,
  timeoutMs = DATABASE_TIMEOUT_MS,
  stream?: () => Duplex,
): pg.Pool {
  const timeouts = timeoutsOf(timeoutMs)
  const pool = new pg.Pool({
    connectionString: url,
    ...(stream && { stream }),
    max: connectionsMax,
    application_name: role.replace('_', '-'),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    // What is committed is confirmed to the edge, which then forgets it: it must be on disk.
    options: `-c role=${role} -c synchronous_commit=on`,
    statement_timeout: timeouts.statementMs,
    lock_timeout: timeouts.lockMs,
    idle_in_transaction_session_timeout: timeouts.idleInTransactionMs,
    types,
    verify: (client, done) => {
      checkSession(client, role, timeouts).then(() => done(), done)
    },
  })
  // A connection that breaks while idle is replaced; unheard it would end the process.
  pool.on('error', onError)
  pool.on('connect', (client) => {
    // So would one that breaks in use between two queries: the next query on it says so.
    client.on('error', () => undefined)
    const socket = socketOf(client)
    // Whatever waits on it fails at once, and the pool lets go of it.
    socket.setTimeout(timeouts.silenceMs, () => socket.destroy(new DatabaseSilent(timeouts.silenceMs)))
  })
  return pool
}

const socketOf = (client: pg.ClientBase) => (client as pg.Client).connection.stream as Socket

/** The link to the database has been silent for longer than a statement may take. Nothing is known of what it was asked. */
export class DatabaseSilent extends Error {
  override name = 'DatabaseSilent'

  constructor(ms: number) {
    super(`nothing from the database for ${ms} ms`)
  }
}

/** A session is not what it was asked to be: a fault of configuration, which no waiting mends. */
export class UnguardedSession extends InvalidConfig {
  override name = 'UnguardedSession'
}

/** @throws UnguardedSession */
async function checkSession(client: pg.ClientBase, role: Login['role'], timeouts: Timeouts): Promise<void> {
  const { statementMs, lockMs, idleInTransactionMs } = timeouts
  const wanted = {
    current_user: role,
    // One login that could be two of them would be all of the ledger.
    other_roles: 'none',
    synchronous_commit: 'on',
    statement_timeout: `${statementMs}`,
    lock_timeout: `${lockMs}`,
    idle_in_transaction_session_timeout: `${idleInTransactionMs}`,
  }
  const { rows } = await client.query<{ name: string; value: string }>(
    `SELECT 'current_user' AS name, current_user::text AS value
     UNION ALL SELECT 'other_roles', coalesce(string_agg(r, '+'), 'none') FROM unnest($2::text[]) r
       WHERE r <> current_user AND pg_has_role(session_user, r, 'MEMBER')
     UNION ALL SELECT name, setting FROM pg_settings WHERE name = ANY ($1)`,
    [Object.keys(wanted), ROLES],
  )
  const found = new Map(rows.map(({ name, value }) => [name, value]))
  const wrong = Object.entries(wanted).flatMap(([name, value]) =>
    found.get(name) === value ? [] : [`${name} is ${found.get(name)} and not ${value}`],
  )
  if (wrong.length === 0) return
  throw new UnguardedSession(
    `a database session is not as it was asked for: ${wrong.join(', ')}; does a pooler drop startup parameters, or is its login another’s too?`,
  )
}

/**
 * Lets the transaction under way take as long as it takes, where it reads the whole book: neither side cuts it off, and
 * only a peer that is gone is noticed.
 */
export async function unhurried<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0')
  const socket = socketOf(client)
  const { timeout = 0 } = socket
  socket.setTimeout(0)
  try {
    return await work()
  } finally {
    socket.setTimeout(timeout)
  }
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
    // The connection may be what failed, and then this fails at once; the first error is the one that tells.
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

/** SQLSTATE of a posting while settlement is halted (migrations/ledger/012.do.halts.sql). */
const HALTED = 'MH001'

/** Whether settlement is halted: nothing is wrong with the work, and nobody but people can let it go on. */
export const isHalted = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === HALTED

/** Whether the same work may succeed when it is done again without a change, and nothing is wrong with the work itself. */
export function isTransient(error: unknown): boolean {
  // A session that is not guarded stops the process where it is not caught; the work itself is not to blame.
  if (error instanceof NotCommitted || error instanceof DatabaseSilent || error instanceof UnguardedSession) return true
  if (!(error instanceof Error)) return false
  const code = (error as { readonly code?: unknown }).code
  if (error instanceof pg.DatabaseError) return typeof code === 'string' && TRANSIENT_STATE.test(code)
  if (typeof code === 'string') return TRANSIENT_SOCKET.has(code)
  return TRANSIENT_TEXT.test(error.message)
}
