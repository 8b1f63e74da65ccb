import pg from 'pg'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { TestDevice } from '../../kit/device.ts'
import { newWallet, type World } from '../../reconciler/kit.ts'
import type { Database } from '../../reconciler/open-database.ts'

/** Settings of a reconciler that sends codes, for a world in which there are scenes. */
export const GATEWAY = { CONSENT_CODE_URL: 'http://gateway.test/codes', CONSENT_CODE_TOKEN: 'gateway' }

/** An honest payment in the book, of people that no other test knows, and who attacks it. */
export interface Scene {
  readonly world: World
  readonly db: Database
  readonly device: TestDevice
  readonly payer: string
  /** The sealed bytes of its bundle as the reconciler recorded them. */
  readonly bundle: Uint8Array
  readonly receipt: Uint8Array
  /** As a login of the application, with no more rights than it has. */
  as(login: 'record' | 'settle' | 'read', sql: string, values?: readonly unknown[]): Promise<unknown[]>
  /** As the owner of the schema: constraints and triggers stand. */
  owner(sql: string, values?: readonly unknown[]): Promise<unknown[]>
  /** As a superuser, with triggers off. */
  root(sql: string): Promise<void>
  /** When the first of these three was called; undefined as long as nobody has attacked. */
  readonly attackedAtMs: number | undefined
}

export async function scene(world: World, db: Database, payments: readonly Partial<Payment>[] = [{}]): Promise<Scene> {
  const [device, payer] = [await world.device(), newWallet()]
  // A shop, whose phone pays by its tenant's word: a customer's code would stand in the book before its device is there.
  await db.open(payer, 10_000, { kind: 'merchant' })
  const made = payments.map((over) => device.payment({ sender: payer, amount: amountMinor(2500), ...over }))
  world.network.send(world.facts(device), await world.admit(device, made))
  for (const { counter } of made) await settled(world, db, device, counter)
  const { rows } = await db.app.query('SELECT bundle, receipt FROM offline_signed_bundles WHERE device_id = $1', [
    device.id,
  ])
  const [{ bundle, receipt }] = rows
  let attackedAtMs: number | undefined
  const attack = (url: string, sql: string, values: readonly unknown[] = []) => {
    attackedAtMs ??= Date.now()
    return once(url, sql, values)
  }
  const superuser = db.ownerUrl.replace(/\/\/[^@]*@/, '//postgres:molam@')
  return {
    ...{ world, db, device, payer, bundle, receipt },
    as: (login, sql, values) => attack(db.logins[login], sql, values),
    owner: (sql, values) => attack(db.ownerUrl, sql, values),
    root: async (sql) => {
      await attack(superuser, `BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`)
    },
    get attackedAtMs() {
      return attackedAtMs
    },
  }
}

/** Far more than it takes when a reconciler beside this one has taken the message. */
const ROUNDS_MAX = 5000

/** Settles until a payment is in the book. */
export async function settled(world: World, db: Database, device: TestDevice, counter: number): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await world.settle()
    const { rowCount } = await db.app.query('SELECT FROM offline_transactions WHERE device_id = $1 AND counter = $2', [
      device.id,
      counter,
    ])
    if (rowCount === 1) return
  }
  throw new Error(`payment ${counter} of ${device.id} was not settled`)
}

/**
 * A payment that the edge let pass and that nothing honest posts: the same bytes under another id are recorded by one login, and
 * said to be proven, or something else, by the other.
 */
export async function postAgain(
  { world, db, as, device }: Scene,
  payment: Payment,
  approval: readonly [agentDeviceId: string | null, requestId: Buffer | null] = [null, null],
  said: readonly [status: string, reason: string | null, atMs?: number] = ['pending', null],
): Promise<void> {
  const [status, reason, atMs = Date.now()] = said
  world.network.send(await world.admit(device, [payment]))
  // It is recorded as anything is that the edge sends.
  const { counter } = payment
  await settled(world, db, device, counter)
  await as(
    'record',
    `INSERT INTO offline_signed_bundles SELECT device_id, overlay('9' placing '8' from 1) || substr(bundle_id, 2), digest, bundle, receipt, payments, now()
     FROM offline_signed_bundles WHERE device_id = $1 AND (payments[1]).counter = $2`,
    [device.id, counter],
  )
  await db.owner.query('DELETE FROM offline_transactions WHERE device_id = $1 AND counter = $2', [device.id, counter])
  await as(
    'settle',
    `SELECT * FROM offline_signed_bundles s, LATERAL offline_record_transactions(
       ARRAY[s.device_id], ARRAY[(s.payments[1]).counter], ARRAY[s.bundle_id], ARRAY[(s.payments[1]).content_hash],
       ARRAY[(s.payments[1]).type], ARRAY[(s.payments[1]).method], ARRAY[(s.payments[1]).amount_minor],
       ARRAY[(s.payments[1]).currency], ARRAY[(s.payments[1]).sender], ARRAY[(s.payments[1]).receiver],
       ARRAY[(s.payments[1]).merchant_id], ARRAY[(s.payments[1]).initiated_at], ARRAY[current_date], ARRAY['BJ'],
       ARRAY[now()], ARRAY[$5], ARRAY[$6], ARRAY[0.0], ARRAY[true], ARRAY[NULL], ARRAY[NULL::bytea],
       ARRAY[NULL::timestamptz], ARRAY[NULL], ARRAY[NULL::bigint], ARRAY[true], ARRAY[$3], ARRAY[$4::bytea],
       ARRAY[(s.payments[1]).refund_of_device_id], ARRAY[(s.payments[1]).refund_of_counter], '{}', $7)
     WHERE s.device_id = $1 AND (s.payments[1]).counter = $2 AND s.bundle_id NOT LIKE '8%'`,
    [device.id, counter, ...approval, status, reason, new Date(atMs)],
  )
}

/** A session of its own: what an attacker leaves in it harms nobody else. */
export async function once(url: string, sql: string, values: readonly unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql, values.length > 0 ? [...values] : undefined)).rows
  } finally {
    await client.end()
  }
}

/** SQL that moves money from one wallet to another as the ledger does, entries and balances included, and nothing else. */
export const moved = (from: string, to: string, amount: number, kind: string, source: string, no: number) => `
  WITH t AS (
    INSERT INTO wallet_core.transfers SELECT uuidv7(), '${kind}', '${source}', ${no}, d.account_id, c.account_id, ${amount}, 'XOF', now()
    FROM wallet_core.accounts d, wallet_core.accounts c WHERE d.wallet_id = '${from}' AND c.wallet_id = '${to}' RETURNING *
  ), e AS (
    INSERT INTO wallet_core.entries
    SELECT a.account_id, a.entry_seq + 1, t.transfer_id, s.sign * ${amount}, a.balance_minor + s.sign * ${amount}, t.posted_at
    FROM t, (VALUES ('${from}', -1), ('${to}', 1)) AS s (wallet, sign) JOIN wallet_core.accounts a ON a.wallet_id = s.wallet
  )
  UPDATE wallet_core.accounts SET entry_seq = entry_seq + 1,
    balance_minor = balance_minor + CASE wallet_id WHEN '${from}' THEN -${amount} ELSE ${amount} END
  WHERE wallet_id IN ('${from}', '${to}')`
