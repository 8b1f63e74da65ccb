import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect } from 'vitest'
import { registerDevice } from '../../../dev/fleet/admin.ts'
import { registerPhone } from '../../../dev/fleet/holders-code.ts'
import { newSecrets } from '../../../dev/secrets.ts'
import { type Stack, startStack } from '../../../dev/stack.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import type { Role } from '../../../src/edge/auth/person.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { signPassesWith } from '../../kit/authorization.ts'
import { until } from '../../kit/journey.ts'
import type { Database } from '../../reconciler/open-database.ts'
import { Thief } from './thief.ts'

/** What each victim has, in minor units. */
const MONEY = 100_000

/**
 * The whole stack, with people who have money and never say a word: whatever is missing from their wallets was taken. What is
 * reported of each attack is the sum that moved, and what its bound is.
 */
export class Market {
  readonly stack: Stack
  readonly book: pg.Pool
  readonly keys: KeySet
  /** Of the operator's commands. */
  readonly env: Readonly<Record<string, string>>
  readonly #dir: string
  #names = 0
  #telephones = 0

  private constructor(stack: Stack, book: pg.Pool, keys: KeySet, hmacKey: string, dir: string) {
    this.stack = stack
    this.book = book
    this.keys = keys
    this.env = {
      READ_DATABASE_URL: stack.database.read,
      EDGE_URL: stack.edge.url,
      INTERNAL_HMAC_KEY: hmacKey,
    }
    this.#dir = dir
  }

  static async start({ logins, ownerUrl: owner }: Database): Promise<Market> {
    const dir = mkdtempSync(join(tmpdir(), 'molam-attacked-'))
    const secrets = await newSecrets()
    const stack = await startStack({ dataDir: dir, secrets, database: { ...logins, owner } })
    const book = new pg.Pool({ connectionString: owner, max: 4 })
    book.on('error', () => undefined)
    const edgeKeys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
    signPassesWith(edgeKeys)
    const keys = await edgeKeys.keySet()
    return new Market(stack, book, keys, secrets.INTERNAL_HMAC_KEY, dir)
  }

  async stop(): Promise<void> {
    await this.book.end()
    await this.stack.stop()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  /** Wallets with money in them. @param amount minor units in each */
  async wallets(kind: 'customer' | 'merchant' | 'agent', count: number, amount = MONEY): Promise<readonly string[]> {
    const wallets = Array.from({ length: count }, () => `W-${kind}-${++this.#names}`)
    for (const wallet of wallets) {
      await this.book.query("SELECT wallet_core.open_account($1, 'XOF', $2, $3, 'molam', $4)", [
        ...[wallet, kind, `holder-of-${wallet}`, `+22178${String(++this.#telephones).padStart(7, '0')}`],
      ])
      if (amount === 0) continue
      await this.book.query("SELECT wallet_core.fund($1, '{1}', ARRAY[$1], ARRAY[$2]::bigint[], 'XOF', now())", [
        wallet,
        amount,
      ])
    }
    return wallets
  }

  /** What is missing from these wallets, of what they had at the beginning: minor units. */
  async missing(wallets: readonly string[], had = MONEY): Promise<number> {
    const { rows } = await this.book.query<{ sum: string }>(
      'SELECT sum($2 - balance_minor) AS sum FROM wallet_core.balances WHERE wallet_id = ANY ($1)',
      [wallets, had],
    )
    return Number(rows[0]?.sum)
  }

  /** Registers a device for a wallet, and hands its key to a thief. @param second the other administrator, with whom it pays */
  async thief(ownerWallet: string, registrar = 'ops', second?: string): Promise<Thief> {
    const thief = await Thief.create(this, ownerWallet)
    const { id: deviceId, signer } = thief.device
    const token = await this.stack.issuer.token(registrar, ['pay_admin'])
    const other = second && (await this.stack.issuer.token(second, ['pay_admin']))
    await registerDevice(this.stack.edge.url, token, { deviceId, country: 'SN', ownerWallet, signer }, other)
    return thief
  }

  /** Registers the phone of a customer, whose holder enters the code that comes to it. */
  async phone(ownerWallet: string): Promise<Thief> {
    const phone = await Thief.create(this, ownerWallet)
    const { id: deviceId, signer } = phone.device
    const token = await this.stack.issuer.token('ops', ['pay_admin'])
    await registerPhone(this.stack, token, { deviceId, country: 'SN', ownerWallet, signer })
    return phone
  }

  /** A call to the API as somebody with a role. */
  async ask(who: string, role: Role, method: string, path: string, body?: object): Promise<Answer> {
    const token = await this.stack.issuer.token(who, [role])
    const answer = await fetch(this.stack.edge.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, ...(text.startsWith('{') && (JSON.parse(text) as object)) }
  }

  /** Waits until the book has judged everything that it has, and the edge knows: nothing moves after that by itself. */
  async rest(bundleIds: readonly string[]): Promise<void> {
    await until(async () => {
      const { rows } = await this.book.query<{ left: string }>(
        `SELECT (SELECT count(*) FROM unnest($1::text[]) r (id)
                 WHERE NOT EXISTS (SELECT FROM offline_tx_bundles b WHERE b.bundle_id = r.id)
                   AND NOT EXISTS (SELECT FROM offline_sync_queue q WHERE q.bundle_id = r.id AND q.status <> 'pending'))
              + (SELECT count(*) FROM offline_sync_queue WHERE status = 'pending' AND waiting_for IS NULL)
              + (SELECT count(*) FROM offline_outbox WHERE delivered_version < version) AS left`,
        [bundleIds],
      )
      return rows[0]?.left === '0'
    })
  }
}

type Answer = Readonly<Record<string, unknown>> & { readonly status: number }

/** The figure of an attack, printed with the bound that it is held to. */
export function expectWithin(attack: string, movedMinor: number, boundMinor: number): void {
  console.info(`${attack}: ${movedMinor} F moved, at most ${boundMinor} F`)
  expect(movedMinor, attack).toBeLessThanOrEqual(boundMinor)
}
