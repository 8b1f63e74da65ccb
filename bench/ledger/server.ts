import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Postgres, startPostgres } from '../../dev/postgres.ts'
import { migrate } from '../../reconciler/migrate.ts'

/** Durable as in production; what comes by chance (vacuum, checkpoints) is kept out of the middle of a run. */
const SETTINGS = {
  shared_buffers: '1GB',
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
  max_connections: '50',
  track_commit_timestamp: 'on',
}
export const SETTINGS_TEXT = Object.entries(SETTINGS)
  .map(([name, value]) => `${name} = ${value}`)
  .join(', ')

export interface Server {
  readonly postgres: Postgres
  /** A migrated database of its own, with accounts that have funds. */
  database(name: string): Promise<Database>
  stop(): Promise<void>
}

export interface Database {
  readonly name: string
  /** A session of the schema's owner, as whom the application's functions post; its backend can be watched. */
  connect(): Promise<Session>
  readonly admin: pg.Client
}

export interface Session {
  readonly client: pg.Client
  /** utime + stime of its backend, milliseconds. Linux. */
  cpuMs(): number
}

export const CUSTOMERS = 5000
export const MERCHANTS = 500
export const customer = (n: number) => `C${n % CUSTOMERS}`
export const merchant = (n: number) => `M${n % MERCHANTS}`

export async function startServer(): Promise<Server> {
  const dir = await mkdtemp(join(tmpdir(), 'molam-bench-'))
  await chmod(dir, 0o755)
  const postgres = await startPostgres({ dataDir: join(dir, 'data'), settings: SETTINGS })
  await migrate(postgres.ownerUrl())
  const opened: pg.Client[] = []
  const open = async (url: string) => {
    const client = new pg.Client(url)
    await client.connect()
    opened.push(client)
    return client
  }
  return {
    postgres,
    async database(name) {
      const root = await open(postgres.adminUrl())
      await root.query(`CREATE DATABASE ${name} TEMPLATE molam OWNER molam_owner`)
      const admin = await open(postgres.adminUrl(name))
      await admin.query(SEED)
      await admin.query('VACUUM ANALYZE')
      return {
        name,
        admin,
        async connect() {
          const client = await open(postgres.ownerUrl(name))
          const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
          const pid = rows[0]?.pid ?? 0
          return { client, cpuMs: () => cpuOf(pid) }
        },
      }
    },
    async stop() {
      await Promise.all(opened.map((client) => client.end().catch(() => undefined)))
      await postgres.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Everybody has funds for the whole run: a payment that fails would leave fewer rows than the bare insert. */
const SEED = `
  SELECT wallet_core.open_account('C' || n, 'XOF', 'customer', 'C' || n, 'molam') FROM generate_series(0, ${CUSTOMERS - 1}) n;
  SELECT wallet_core.open_account('M' || n, 'XOF', 'merchant', 'M' || n, 'molam') FROM generate_series(0, ${MERCHANTS - 1}) n;
  SELECT wallet_core.fund('bench', array_agg(n), array_agg('C' || n), array_agg(1000000000), 'XOF', now())
    FROM generate_series(0, ${CUSTOMERS - 1}) n;
  -- The same tables and indexes, without a rule that is not in them.
  CREATE SCHEMA bare;
  CREATE TABLE bare.transfers (LIKE wallet_core.transfers INCLUDING ALL);
  CREATE TABLE bare.entries (LIKE wallet_core.entries INCLUDING ALL);
  CREATE TABLE bare.transactions (LIKE offline_transactions INCLUDING ALL);
  GRANT USAGE ON SCHEMA bare TO molam_owner;
  GRANT INSERT ON ALL TABLES IN SCHEMA bare TO molam_owner;`

/** USER_HZ: the unit of utime and stime in /proc is 10 ms on every Linux that Node runs on. */
const TICK_MS = 10

function cpuOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return Number.NaN
  }
}
