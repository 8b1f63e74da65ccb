import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Postgres, startPostgres } from '../../../dev/postgres.ts'
import { openPool } from '../../../reconciler/db.ts'
import { migrate } from '../../../reconciler/migrate.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { EVENTUALLY, makeWorld, type World } from '../kit.ts'
import type { Database } from '../open-database.ts'

let dir: string
let postgres: Postgres
let world: World
let app: pg.Pool
let owner: pg.Pool
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'molam-restart-'))
  await chmod(dir, 0o755)
  // fsync as in production: what was committed must be there after the crash.
  postgres = await startPostgres({ dataDir: join(dir, 'data') })
  await migrate(postgres.ownerUrl())
  app = openPool({ url: postgres.loginUrls().read, role: 'molam_read' }, () => undefined)
  owner = new pg.Pool({ connectionString: postgres.ownerUrl(), max: 1 })
  owner.on('error', () => undefined)
  const database = {
    logins: postgres.loginUrls(),
    open: (wallet: string) =>
      owner.query("SELECT wallet_core.open_account($1, 'XOF', 'merchant', 'shop', 'molam')", [wallet]),
  }
  world = await makeWorld(database as unknown as Database)
})
afterAll(async () => {
  await world.close()
  await Promise.all([app.end(), owner.end()])
  await postgres.stop()
  await rm(dir, { recursive: true, force: true })
})

test(
  'Postgres killed and started again in the middle of the work: exactly once, nothing lost',
  EVENTUALLY,
  async () => {
    const devices = await Promise.all(Array.from({ length: 6 }, () => world.device()))
    await owner.query("SELECT wallet_core.open_account('payer', 'XOF', 'merchant', 'payer', 'molam')")
    await owner.query("SELECT wallet_core.fund('t', '{1}', '{payer}', '{100000000}', 'XOF', now())")
    const stop = new AbortController()
    const workers = await Promise.all([1, 2].map(() => world.reconciler()))
    const running = workers.map((worker) => worker.run(stop.signal))
    const ticking = setInterval(() => {
      world.now += 2000
      world.network.redeliver()
    }, 50)

    world.network.send(...devices.map((device) => world.facts(device)))
    for (let round = 0; round < 4; round++) {
      for (const device of devices) {
        const payments = Array.from({ length: 10 }, () => device.payment({ sender: 'payer' }))
        world.network.send(await world.admit(device, payments))
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60))
      await postgres.kill()
      await postgres.start()
    }
    const settled = async () => {
      const { rows } = await app.query(
        `SELECT (SELECT count(*) FROM offline_sync_queue WHERE status <> 'done')
            + (SELECT count(*) FROM offline_outbox WHERE delivered_version < version) AS open`,
      )
      return rows[0].open === 0 && world.network.queued === 0
    }
    await expect.poll(() => settled().catch(() => false), { ...EVENTUALLY, interval: 100 }).toBe(true)
    clearInterval(ticking)
    stop.abort()
    await Promise.all(running)

    const { rows } = await app.query('SELECT status, count(*) FROM offline_transactions GROUP BY status')
    expect(rows).toEqual([{ status: 'succeeded', count: 240 }])
    await expectSoundBook(app)
  },
)
