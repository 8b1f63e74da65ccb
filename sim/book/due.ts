import type { Loop } from '../../reconciler/loop.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/protocol/time.ts'
import type { Scheduler, Waiting } from '../time/scheduler.ts'
import type { Book } from './pglite.ts'
import type { DatabaseServer } from './server.ts'

/** A queue, as far as it says when there is something to pull. `SimulatedQueue` is one. */
export interface PulledQueue {
  /** When the next message can be had; undefined when there is none. */
  readonly nextAtMs: number | undefined
  onChange(changed: () => void): void
}

export interface DueDeps {
  readonly scheduler: Scheduler
  readonly book: Book
  readonly database: DatabaseServer
  readonly settle: PulledQueue
  readonly deadLetters?: PulledQueue
}

/** Longer than any run: a pause that only a change ends. */
const UNTIL_CHANGE_MS = 10_000 * DAY_MS
/** Messages are kept for days, and to look for old ones often finds none. */
const PRUNE_MS = 6 * HOUR_MS
/** After this long another process looks whether something is still due. A pull that is under way shows in nothing else. */
const ANOTHER_MS = 1_000
const PULLS: ReadonlySet<string> = new Set(['pull', 'dead_letters'])
/** As in the reconciler: what is due later than that was put off by a clock that was wrong. */
const MISDATED_MS = 10 * MINUTE_MS

/**
 * Spares a run the looks of idle loops at queue and book, twice a second for hours of simulated time: an idle loop waits
 * until a message, a row or a lease is due. Where its own clock says that it is not, it asks as in production.
 */
export class Due {
  readonly #deps: DueDeps
  readonly #idle = new Set<Loop>()
  #alarm: Waiting | undefined
  #alarmAtMs: number | undefined
  #isLooking = false
  /** By the name of the loop. */
  readonly #wokenAtMs = new Map<string, number>()
  /** What the book said last; what has changed since is not in it. */
  readonly #inBook = new Map<InBook, number | undefined>()

  constructor(deps: DueDeps) {
    this.#deps = deps
    deps.database.onCommit(({ statements }) => {
      const changed = IN_BOOK.filter(({ changedBy }) => statements.some((sql) => changedBy.test(sql)))
      for (const one of changed) this.#inBook.delete(one)
      if (changed.length > 0) this.#look()
    })
    const look = () => this.#look()
    deps.settle.onChange(look)
    deps.deadLetters?.onChange(look)
  }

  /** The owner of the book did something to it, which nobody hears. */
  changed(): void {
    this.#inBook.clear()
    this.#look()
  }

  readonly pause = async (loop: Loop): Promise<void> => {
    const { scheduler, database } = this.#deps
    if (loop.name === 'prune') return loop.wakeup.wait(PRUNE_MS)
    const nextMs = await database.free(() => this.#nextMs(loop.name))
    if (nextMs !== undefined && nextMs <= scheduler.nowMs) return loop.wakeup.wait(loop.idleMs)
    this.#idle.add(loop)
    this.#arm(nextMs)
    await loop.wakeup.wait(UNTIL_CHANGE_MS)
    this.#idle.delete(loop)
  }

  #look(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    // All that changes at one moment is looked at once.
    this.#deps.scheduler.after(0, () => {
      this.#isLooking = false
      void this.#deps.database.free(() => this.#wake())
    })
  }

  #wake(): void {
    const { scheduler, database } = this.#deps
    for (const [name, loops] of Map.groupBy(this.#idle, ({ name }) => name)) {
      const nextMs = this.#nextMs(name)
      const pulledMs = PULLS.has(name) ? this.#wokenAtMs.get(name) : undefined
      if (nextMs === undefined || nextMs > scheduler.nowMs) this.#arm(nextMs)
      else if (pulledMs !== undefined && pulledMs + ANOTHER_MS > scheduler.nowMs) this.#arm(pulledMs + ANOTHER_MS)
      else {
        this.#wokenAtMs.set(name, scheduler.nowMs)
        // One process at a time; another when that one did not do it.
        database.random.pick(loops).wakeup.wake()
        if (loops.length > 1) this.#arm(scheduler.nowMs + ANOTHER_MS)
      }
    }
  }

  /** @param atMs when to look again, unless it is earlier anyway */
  #arm(atMs: number | undefined): void {
    if (atMs === undefined || (this.#alarmAtMs ?? Number.POSITIVE_INFINITY) <= atMs) return
    this.#alarm?.cancel()
    this.#alarmAtMs = atMs
    this.#alarm = this.#deps.scheduler.after(atMs - this.#deps.scheduler.nowMs, () => {
      this.#alarmAtMs = undefined
      void this.#deps.database.free(() => this.#wake())
    })
  }

  /** When a loop has something to do next, milliseconds; undefined: only a change can tell. */
  #nextMs(name: string): number | undefined {
    const { settle, deadLetters } = this.#deps
    if (name === 'pull') return settle.nextAtMs
    if (name === 'dead_letters') return deadLetters?.nextAtMs
    const times = IN_BOOK.flatMap((one) => (one.loop === name ? (this.#read(one) ?? []) : []))
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #read(one: InBook): number | undefined {
    if (this.#inBook.has(one)) return this.#inBook.get(one)
    const { scheduler, book } = this.#deps
    const times = [scheduler.nowMs, scheduler.nowMs + MISDATED_MS].map((ms) => new Date(ms).toISOString())
    const [found] = book.read<{ at: Date | null }>(one.sql, times)
    const atMs = found?.at?.getTime()
    this.#inBook.set(one, atMs)
    return atMs
  }
}

/** Something in the book that a loop is to work on. */
interface InBook {
  readonly loop: string
  /** Statements after which it may be due at another time. */
  readonly changedBy: RegExp
  /** $1 now, $2 what is misdated. */
  readonly sql: string
}

/** What is due while settlement is halted stays so until it goes on. */
const SETTLING = 'NOT EXISTS (SELECT FROM settlement_halts WHERE ended_at IS NULL)'

const IN_BOOK: readonly InBook[] = [
  {
    loop: 'reconcile',
    changedBy: /\boffline_sync_queue\b/,
    sql: `SELECT CASE WHEN max(next_retry_at) > $2::timestamptz THEN $1::timestamptz ELSE min(next_retry_at) END AS at
          FROM offline_sync_queue WHERE status = 'pending'`,
  },
  {
    loop: 'reconcile',
    changedBy: /\boffline_(resolutions|apply_\w+|tx_bundles|record_transactions)\b/,
    sql: `SELECT min(CASE WHEN offline_resolution_is_due(choice, retry_at, $1::timestamptz) OR $2::timestamptz IS NULL
                     THEN $1 ELSE retry_at END) AS at
          FROM offline_open_resolutions
          WHERE (waiting_for IS NULL OR waiting_for = 'second_person' OR choice = 'reverse' AND waiting_for = 'money')
            AND ${SETTLING}`,
  },
  {
    loop: 'reconcile',
    changedBy: /\boffline_(claim_answers|apply_\w+|tx_bundles|record_transactions)\b/,
    sql: `SELECT least(min(t.claim_until) FILTER (WHERE t.status = 'claimed'),
                       CASE WHEN bool_or(a.rev IS NOT NULL AND t.status NOT IN ('review', 'quarantined'))
                              AND $2::timestamptz IS NOT NULL THEN $1::timestamptz END) AS at
          FROM offline_transactions t
          LEFT JOIN offline_claim_answers a ON a.device_id = t.device_id AND a.counter = t.counter AND a.result IS NULL
          WHERE t.claim_until IS NOT NULL AND ${SETTLING}`,
  },
  {
    loop: 'reconcile',
    changedBy: /\boffline_(allowance_orders|apply_allowance_orders|expire_allowances|record_transactions)\b/,
    sql: `SELECT least(CASE WHEN $2::timestamptz IS NOT NULL AND EXISTS (SELECT FROM offline_devices_with_due_orders(1)) THEN $1::timestamptz END,
                       (SELECT min(ends_at) FROM wallet_core.allowances WHERE ended_at IS NULL)) AS at
          WHERE ${SETTLING}`,
  },
  {
    loop: 'outcomes',
    changedBy: /\boffline_outbox\b/,
    sql: `SELECT CASE WHEN max(next_attempt_at) > $2::timestamptz THEN $1::timestamptz ELSE min(next_attempt_at) END AS at
          FROM offline_outbox o WHERE delivered_version < version AND NOT EXISTS (
            SELECT FROM offline_outbox b
            WHERE b.device_id = o.device_id AND b.delivered_version < b.version AND b.id < o.id)`,
  },
  {
    loop: 'codes',
    changedBy: /\boffline_consent_codes\b/,
    sql: `SELECT CASE WHEN max(next_attempt_at) > $2::timestamptz THEN $1::timestamptz ELSE min(next_attempt_at) END AS at
          FROM offline_consent_codes WHERE sent_at IS NULL AND given_up_at IS NULL AND refusal IS NULL`,
  },
  {
    loop: 'wallets',
    // The owner of the book opens accounts, and nobody hears of it.
    changedBy: /./,
    sql: `SELECT $1::timestamptz AS at WHERE $2::timestamptz IS NOT NULL AND EXISTS (
            SELECT FROM offline_devices d JOIN wallet_core.accounts a ON a.wallet_id = d.owner_wallet AND a.kind <> 'system'
            WHERE d.wallet_state = 'unknown')`,
  },
]
