import pg from 'pg'
import { afterAll, beforeAll, inject } from 'vitest'
import type { LoginUrls } from '../../dev/postgres.ts'
import { types } from '../../reconciler/db.ts'

export interface Database {
  /** As the application: all of its roles at once, with the types of its sessions. */
  readonly app: pg.Pool
  /** As the owner of the schema: opens and funds accounts, and may post. */
  readonly owner: pg.Pool
  readonly logins: LoginUrls
  readonly ownerUrl: string
  /** Opens a customer's account and puts money on it. */
  open(wallet: string, balance?: number, options?: AccountOptions): Promise<void>
  balance(wallet: string): Promise<number>
}

interface AccountOptions {
  readonly currency?: string
  readonly kind?: string
  /** That of the tests' devices when left out. */
  readonly tenant?: string
  readonly phone?: string
}

let funded = 0

/** A database of its own for the test file that calls this, with everything migrated and nothing in it. */
export function useDatabase(): () => Database {
  let database: Database | undefined
  const { adminUrl, appUrl, loginUrls, ownerUrl, template } = inject('postgres')
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  const inDatabase = (url: string) => url.replace(/\/[^/]*$/, `/${name}`)

  beforeAll(async () => {
    await asAdmin(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER molam_owner`)
    const app = new pg.Pool({ connectionString: inDatabase(appUrl), max: 16, types })
    app.on('error', () => undefined)
    const owner = new pg.Pool({ connectionString: inDatabase(ownerUrl), max: 16 })
    owner.on('error', () => undefined)
    database = {
      app,
      owner,
      logins: {
        record: inDatabase(loginUrls.record),
        settle: inDatabase(loginUrls.settle),
        read: inDatabase(loginUrls.read),
      },
      ownerUrl: inDatabase(ownerUrl),
      async open(wallet, balance = 0, { currency = 'XOF', kind = 'customer', tenant = 'molam', phone } = {}) {
        const holder = `holder-of-${wallet}`.slice(0, 64)
        await owner.query('SELECT wallet_core.open_account($1, $2, $3, $4, $5, $6)', [
          ...[wallet, currency, kind, holder, tenant, phone],
        ])
        if (balance === 0) return
        funded += 1
        await owner.query('SELECT wallet_core.fund($1, $2, $3, $4, $5, now())', [
          'test',
          [funded],
          [wallet],
          [balance],
          currency,
        ])
      },
      async balance(wallet) {
        const { rows } = await app.query('SELECT balance_minor FROM wallet_core.balances WHERE wallet_id = $1', [
          wallet,
        ])
        return rows[0].balance_minor
      },
    }
  })

  afterAll(async () => {
    await Promise.all([database?.app.end(), database?.owner.end()])
    await asAdmin(adminUrl, `DROP DATABASE ${name} WITH (FORCE)`)
  })

  return () => {
    if (database === undefined) throw new Error('the database is there from beforeAll on')
    return database
  }
}

async function asAdmin(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
