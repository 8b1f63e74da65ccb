import { decodeLease, encodeLease } from './lease.ts'
import type { IncomingMessage, PulledMessage } from './message.ts'
import type { QueueSettings } from './settings.ts'

/**
 * The messages of all local queues in one SQLite database: dead-lettering is then one UPDATE, and nothing can be lost
 * between two objects. The backlog is kept by triggers, so that a pull does not count a long queue every time.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL, id TEXT NOT NULL, secret TEXT NOT NULL,
    content_type TEXT NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL, visible_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    leased INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_at_ms);
  CREATE TABLE IF NOT EXISTS backlog (queue TEXT PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL);
  CREATE TRIGGER IF NOT EXISTS backlog_insert AFTER INSERT ON messages BEGIN
    INSERT INTO backlog VALUES (NEW.queue, 1, NEW.size)
      ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + NEW.size; END;
  CREATE TRIGGER IF NOT EXISTS backlog_delete AFTER DELETE ON messages BEGIN
    UPDATE backlog SET count = count - 1, bytes = bytes - OLD.size WHERE queue = OLD.queue; END;
  CREATE TRIGGER IF NOT EXISTS backlog_move AFTER UPDATE OF queue ON messages BEGIN
    UPDATE backlog SET count = count - 1, bytes = bytes - OLD.size WHERE queue = OLD.queue;
    INSERT INTO backlog VALUES (NEW.queue, 1, NEW.size)
      ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + NEW.size; END;`

interface Row extends Record<string, SqlStorageValue> {
  seq: number
  id: string
  secret: string
  content_type: string
  body: string
  timestamp_ms: number
  attempts: number
}

export interface Backlog {
  readonly count: number
  readonly bytes: number
  readonly oldestTimestampMs: number
}

export class MessageStore {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(SCHEMA)
  }

  add(queue: string, message: IncomingMessage, nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO messages (queue, id, secret, content_type, body, size, timestamp_ms, visible_at_ms)
       VALUES (?, ?, lower(hex(randomblob(16))), ?, ?, ?, ?, ?)`,
      queue,
      message.id,
      message.contentType,
      message.body,
      message.size,
      message.timestampMs,
      nowMs + message.delayMs,
    )
  }

  /**
   * Leases up to `count` visible messages until `nowMs + leaseMs`. A message whose deliveries are used up is moved to
   * the dead letter queue here, when its last lease has run out: nothing has to run between two pulls.
   * @param shuffleSeed - fault: hands them out in an order that depends on this number only
   */
  lease(queue: QueueSettings, count: number, leaseMs: number, nowMs: number, shuffleSeed?: number): PulledMessage[] {
    for (;;) {
      const rows = this.#visible(queue.name, count, nowMs, shuffleSeed)
      const dead = rows.filter((row) => row.attempts > queue.retriesMax)
      if (dead.length === 0) {
        const seqs = JSON.stringify(rows.map((row) => row.seq))
        this.#sql.exec(
          `UPDATE messages SET attempts = attempts + 1, leased = 1, visible_at_ms = ?
           WHERE seq IN (SELECT value FROM json_each(?))`,
          nowMs + leaseMs,
          seqs,
        )
        return rows.map((row) => pulled(row, row.attempts + 1))
      }
      for (const row of dead) this.#bury(queue, row.seq, nowMs)
    }
  }

  /**
   * Deletes the message of a lease. As in production an expired lease still acknowledges, even when the message was
   * delivered to somebody else since.
   * @returns a warning, or undefined when the message was there
   */
  ack(queue: QueueSettings, leaseId: unknown): string | undefined {
    const lease = decodeLease(leaseId)
    if (lease === undefined) return 'invalid lease_id'
    const { rowsWritten } = this.#sql.exec(
      'DELETE FROM messages WHERE seq = ? AND secret = ? AND queue = ?',
      lease.seq,
      lease.secret,
      queue.name,
    )
    return rowsWritten > 0 ? undefined : 'no such message: already acknowledged, or not of this queue'
  }

  /**
   * Gives a message back, visible after the delay. Only its newest lease can: an older one would take it away from
   * whoever holds it now.
   */
  retry(queue: QueueSettings, leaseId: unknown, delayMs: number, nowMs: number): string | undefined {
    const lease = decodeLease(leaseId)
    if (lease === undefined) return 'invalid lease_id'
    const [row] = this.#sql
      .exec<{ attempts: number }>(
        'SELECT attempts FROM messages WHERE seq = ? AND secret = ? AND queue = ?',
        lease.seq,
        lease.secret,
        queue.name,
      )
      .toArray()
    if (row === undefined) return 'no such message: already acknowledged, or not of this queue'
    if (row.attempts !== lease.attempt) return 'lease expired: the message was delivered again'
    if (row.attempts > queue.retriesMax) this.#bury(queue, lease.seq, nowMs)
    else this.#sql.exec('UPDATE messages SET leased = 0, visible_at_ms = ? WHERE seq = ?', nowMs + delayMs, lease.seq)
    return undefined
  }

  /** Deletes everything the queue holds, leased or not. */
  purge(queue: string): number {
    const { count } = this.backlog(queue)
    this.#sql.exec('DELETE FROM messages WHERE queue = ?', queue)
    return count
  }

  /** Ends every lease now, as if its visibility timeout had passed. */
  expireLeases(queue: string, nowMs: number): number {
    const { leased } = this.#sql
      .exec<{ leased: number }>('SELECT COUNT(*) AS leased FROM messages WHERE queue = ? AND leased = 1', queue)
      .one()
    this.#sql.exec('UPDATE messages SET leased = 0, visible_at_ms = ? WHERE queue = ? AND leased = 1', nowMs, queue)
    return leased
  }

  backlog(queue: string): Backlog {
    const [row] = this.#sql
      .exec<{ count: number; bytes: number }>('SELECT count, bytes FROM backlog WHERE queue = ?', queue)
      .toArray()
    if (row === undefined || row.count === 0) return { count: 0, bytes: 0, oldestTimestampMs: 0 }
    // By primary key: the first row of the queue is its oldest, whatever its visibility.
    const [oldest] = this.#sql
      .exec<{ timestamp_ms: number }>(
        'SELECT timestamp_ms FROM messages NOT INDEXED WHERE queue = ? ORDER BY seq LIMIT 1',
        queue,
      )
      .toArray()
    return { count: row.count, bytes: row.bytes, oldestTimestampMs: oldest?.timestamp_ms ?? 0 }
  }

  #visible(queue: string, count: number, nowMs: number, shuffleSeed: number | undefined): Row[] {
    // Knuth's multiplicative hash of the position: an order without any relation to that of arrival.
    const order =
      shuffleSeed === undefined ? 'visible_at_ms, seq' : `((seq + ${shuffleSeed | 0}) * 2654435761) % 4294967296`
    return this.#sql
      .exec<Row>(
        `SELECT seq, id, secret, content_type, body, timestamp_ms, attempts FROM messages
         WHERE queue = ? AND visible_at_ms <= ? ORDER BY ${order} LIMIT ?`,
        queue,
        nowMs,
        count,
      )
      .toArray()
  }

  #bury(queue: QueueSettings, seq: number, nowMs: number): void {
    if (queue.deadLetterQueue === undefined) this.#sql.exec('DELETE FROM messages WHERE seq = ?', seq)
    else
      this.#sql.exec(
        `UPDATE messages SET queue = ?, attempts = 0, leased = 0, visible_at_ms = ?,
         secret = lower(hex(randomblob(16))) WHERE seq = ?`,
        queue.deadLetterQueue,
        nowMs,
        seq,
      )
  }
}

function pulled(row: Row, attempts: number): PulledMessage {
  return {
    id: row.id,
    body: row.body,
    timestamp_ms: row.timestamp_ms,
    attempts,
    lease_id: encodeLease({ seq: row.seq, attempt: attempts, secret: row.secret }),
    metadata: { 'CF-Content-Type': row.content_type, 'CF-sourceMessageSource': 'worker' },
  }
}
