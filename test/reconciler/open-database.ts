import pg from 'pg'
import type { LoginUrls } from '../../dev/postgres.ts'
import { types } from '../../reconciler/db.ts'

/** A migrated database as tests and benchmarks have it: everybody's sessions, and accounts opened without two people. */
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

export interface DatabaseUrls {
  readonly appUrl: string
  readonly ownerUrl: string
  readonly logins: LoginUrls
}

let funded = 0

/** @returns the database, and how to end its sessions */
export function openDatabase({ appUrl, ownerUrl, logins }: DatabaseUrls): Database & { end(): Promise<void> } {
  const app = new pg.Pool({ connectionString: appUrl, max: 16, types })
  app.on('error', () => undefined)
  const owner = new pg.Pool({ connectionString: ownerUrl, max: 16 })
  owner.on('error', () => undefined)
  return {
    ...{ app, owner, logins, ownerUrl },
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
      const { rows } = await app.query('SELECT balance_minor FROM wallet_core.balances WHERE wallet_id = $1', [wallet])
      return rows[0].balance_minor
    },
    end: async () => void (await Promise.all([app.end(), owner.end()])),
  }
}

/** For whoever looks at the book or changes it by hand: a login that is all of the application's roles, which no process has. */
export async function everybodyAtOnce(adminUrl: string, ownerUrl: string): Promise<string> {
  await as(adminUrl, "CREATE ROLE everybody LOGIN PASSWORD 'molam' IN ROLE molam_record, molam_settle, molam_read")
  return ownerUrl.replace('molam_owner', 'everybody')
}

/** One statement in a session of its own. */
export async function as(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
