import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startPostgres } from '../../../dev/postgres.ts'
import { until } from '../drain.ts'
import { CUSTOMERS, customer, type Device } from '../fleet.ts'
import { cpuMs, familyCpuMs } from '../process.ts'
import type { World } from '../world.ts'
import type { Subject } from './subject.ts'

/** Express + pg (bench/peer) with a Postgres of its own, durable as in production. */
const MAIN = fileURLToPath(new URL('../../peer/main.ts', import.meta.url))
const SCHEMA = new URL('../../peer/schema.sql', import.meta.url)
const SETTINGS = { shared_buffers: '512MB', max_wal_size: '4GB' }
const FUNDS_MINOR = 1_000_000_000_000

export async function startPeer(world: World): Promise<Subject> {
  const dir = await mkdtemp(join(tmpdir(), 'molam-peer-bench-'))
  // Another user may run Postgres, and must be able to enter.
  await chmod(dir, 0o755)
  const postgres = await startPostgres({ dataDir: join(dir, 'data'), settings: SETTINGS })
  const postmaster = Number(readFileSync(join(dir, 'data/postmaster.pid'), 'utf8').split('\n')[0])
  const owner = new pg.Client(postgres.ownerUrl())
  await owner.connect()
  await owner.query(readFileSync(SCHEMA, 'utf8'))
  const wallets = Array.from({ length: CUSTOMERS }, (_, number) => customer(number))
  await owner.query('INSERT INTO accounts (wallet, balance_minor) SELECT unnest($1::text[]), 0', [wallets])

  const node = fork(MAIN, { env: { ...process.env, ...world.secrets, DATABASE_URL: postgres.ownerUrl() } })
  const ended = once(node, 'exit')
  const failed = ended.then(() => Promise.reject(new Error('the peer does not start')))
  const [port] = (await Promise.race([once(node, 'message'), failed])) as [number]
  const pid = node.pid ?? 0
  const url = `http://127.0.0.1:${port}`
  const settled = async () => Number(await (await fetch(`${url}/bench/settled`)).text())
  return {
    ...{ name: 'peer', url, port, pid, isTold: false },
    // Node with its threads, and the server with all its sessions.
    cpuMs: () => cpuMs(pid) + familyCpuMs(postmaster),
    register: (devices) => register(owner, devices),
    async watch() {
      const before = await settled()
      return (bundles) => until(async () => (await settled()) - before >= bundles, `the peer to settle ${bundles}`)
    },
    async stop() {
      if (node.connected) node.disconnect()
      await ended
      await owner.end()
      await postgres.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function register(owner: pg.Client, devices: readonly Device[]): Promise<void> {
  const wallets = devices.map(({ ownerWallet }) => ownerWallet)
  await owner.query('INSERT INTO accounts (wallet, balance_minor) SELECT unnest($1::text[]), $2', [
    wallets,
    FUNDS_MINOR,
  ])
  await owner.query(
    `INSERT INTO devices (device_id, public_key, owner_wallet)
     SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[])`,
    [devices.map(({ id }) => id), devices.map(({ signer }) => Buffer.from(signer.key.bytes)), wallets],
  )
  await owner.query('ANALYZE accounts, devices')
}
