import { DAY_MS } from '../../src/protocol/time.ts'
import type { Reservation, Reserved } from './reservation.ts'

/**
 * The day of one person, in the Person Object's own SQLite: a row for each payment that the person votes about, by the kind of
 * vote. A person votes once about a payment, so the row's key makes asking again the same as asking once. Only today's rows
 * are kept.
 */
const STATEMENTS = [
  `CREATE TABLE IF NOT EXISTS votes (
    device_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('review', 'reversal')),
    counter INTEGER NOT NULL,
    day INTEGER NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    wallet TEXT NOT NULL,
    PRIMARY KEY (device_id, kind, counter)
  ) STRICT, WITHOUT ROWID`,
]

/**
 * Takes down what a person is about to vote about, and says how much of it the person may decide alone. Each vote counts, those
 * above the sum too, whatever becomes of them: what is taken down is not given back, so no order of calls, and no call that was
 * lost, lets more be decided alone than `dailyValue`. Call it in a storage transaction.
 */
export function reserve(
  sql: SqlStorage,
  { deviceId, currency, votes, dailyValue }: Reservation,
  nowMs: number,
): Reserved {
  for (const statement of STATEMENTS) sql.exec(statement)
  const { last } = sql.exec<{ last: number | null }>('SELECT MAX(day) AS last FROM votes').one()
  // A clock that was put back opens no day again.
  const day = Math.max(Math.floor(nowMs / DAY_MS), last ?? 0)
  sql.exec('DELETE FROM votes WHERE day < ?', day)
  let { value } = sql
    .exec<{ value: number }>('SELECT COALESCE(SUM(amount), 0) AS value FROM votes WHERE currency = ?', currency)
    .one()
  const alone: number[] = []
  for (const { kind, counter, amount, wallet } of votes) {
    const { rowsWritten } = sql.exec(
      `INSERT INTO votes (device_id, kind, counter, day, currency, amount, wallet) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      ...[deviceId, kind, counter, day, currency, amount, wallet],
    )
    if (rowsWritten > 0) value += amount
    if (value <= dailyValue) alone.push(counter)
  }
  const { wallets } = sql.exec<{ wallets: number }>('SELECT COUNT(DISTINCT wallet) AS wallets FROM votes').one()
  return { atMs: Math.max(nowMs, day * DAY_MS), alone, sums: { value, wallets } }
}
