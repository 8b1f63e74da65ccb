import type pg from 'pg'
import { inTransaction, run } from './statement.ts'

/**
 * Brings taken payments into the ledger: one transfer and two entries each, and the balances of both sides. As many
 * bundles as wait go together, in statements over sets; what waits is looked for as soon as something was taken.
 */
export class Settler {
  readonly #pool: pg.Pool
  #woken = Promise.withResolvers<void>()
  /** Bundles that are settled. */
  settled = 0

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  wake(): void {
    this.#woken.resolve()
  }

  async run(): Promise<never> {
    for (;;) {
      const settled = await inTransaction(this.#pool, settle)
      this.settled += settled
      if (settled > 0) continue
      await Promise.race([this.#woken.promise, new Promise((resolve) => setTimeout(resolve, IDLE_MS))])
      this.#woken = Promise.withResolvers()
    }
  }
}

const BUNDLES_MAX = 20
/** How often somebody looks who was not woken. */
const IDLE_MS = 1000

async function settle(client: pg.PoolClient): Promise<number> {
  const bundles = await run<{ device_id: string; seq: string }>(client, CLAIM, [BUNDLES_MAX])
  if (bundles.length === 0) return 0
  const claimed = [bundles.map(({ device_id }) => device_id), bundles.map(({ seq }) => seq)]
  const now = new Date()
  await run(client, LOCK_ACCOUNTS, claimed)
  await run(client, POST, [...claimed, now])
  await run(client, MOVE_BALANCES, claimed)
  await run(client, SUCCEED, [...claimed, now])
  await run(client, FINISH, [...claimed, now])
  return bundles.length
}

const CLAIMED = 'unnest($1::text[], $2::bigint[]) AS c (device_id, seq)'

const CLAIM = {
  name: 'claim',
  text: `SELECT device_id, seq FROM bundles WHERE settled_at IS NULL ORDER BY received_at LIMIT $1
    FOR UPDATE SKIP LOCKED`,
}
/** In the order of their ids, so that two settlers cannot deadlock. */
const LOCK_ACCOUNTS = {
  name: 'lock_accounts',
  text: `SELECT account_id FROM accounts WHERE wallet IN (
      SELECT unnest(ARRAY[p.sender, p.receiver]) FROM payments p JOIN ${CLAIMED} USING (device_id, seq))
    ORDER BY account_id FOR UPDATE`,
}
const POST = {
  name: 'post',
  text: `WITH posted AS (
      INSERT INTO transfers (device_id, counter, debit_account_id, credit_account_id, amount_minor, currency, posted_at)
      SELECT p.device_id, p.counter, s.account_id, r.account_id, p.amount_minor, p.currency, $3
      FROM payments p JOIN ${CLAIMED} USING (device_id, seq)
        JOIN accounts s ON s.wallet = p.sender JOIN accounts r ON r.wallet = p.receiver
      WHERE p.status = 'pending'
      RETURNING *)
    INSERT INTO entries (transfer_id, account_id, amount_minor, posted_at)
    SELECT transfer_id, account_id, amount, posted_at
    FROM posted, LATERAL (VALUES (debit_account_id, -amount_minor), (credit_account_id, amount_minor))
      AS side (account_id, amount)`,
}
const TRANSFERS = `payments p JOIN ${CLAIMED} USING (device_id, seq) JOIN transfers t USING (device_id, counter)`
const MOVE_BALANCES = {
  name: 'move_balances',
  text: `UPDATE accounts a SET balance_minor = balance_minor + moved.amount
    FROM (SELECT e.account_id, sum(e.amount_minor) AS amount
          FROM ${TRANSFERS} JOIN entries e ON e.transfer_id = t.transfer_id GROUP BY e.account_id) moved
    WHERE a.account_id = moved.account_id`,
}
const SUCCEED = {
  name: 'succeed',
  text: `UPDATE payments SET status = 'succeeded', transfer_id = posted.transfer_id, status_at = $3
    FROM (SELECT p.device_id, p.counter, t.transfer_id FROM ${TRANSFERS}) posted
    WHERE payments.device_id = posted.device_id AND payments.counter = posted.counter`,
}
const FINISH = {
  name: 'finish',
  text: `UPDATE bundles b SET settled_at = $3 FROM ${CLAIMED} WHERE b.device_id = c.device_id AND b.seq = c.seq`,
}
