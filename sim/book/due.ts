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

/** When a loop has something to do next, by its name; undefined: only a change can tell. Milliseconds. */
type NextMs = Readonly<Record<string, number | undefined>>

/** Longer than any run: a pause that only a change ends. */
const UNTIL_CHANGE_MS = 10_000 * DAY_MS
/** Messages are kept for days, and to look for old ones often finds none. */
const PRUNE_MS = 6 * HOUR_MS
/** After this long another process looks whether something is still due. */
const ANOTHER_MS = 1_000
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
  /** What the book said last; undefined when it has changed since. */
  #inBook: NextMs | undefined

  constructor(deps: DueDeps) {
    this.#deps = deps
    const changed = () => this.look()
    deps.database.onCommit(changed)
    deps.settle.onChange(changed)
    deps.deadLetters?.onChange(changed)
  }

  readonly pause = async (loop: Loop): Promise<void> => {
    const { scheduler, database } = this.#deps
    if (loop.name === 'prune') return loop.wakeup.wait(PRUNE_MS)
    const nextMs = (await database.free(() => this.#nextMs()))[loop.name]
    if (nextMs !== undefined && nextMs <= scheduler.nowMs) return loop.wakeup.wait(loop.idleMs)
    this.#idle.add(loop)
    this.#arm(nextMs)
    await loop.wakeup.wait(UNTIL_CHANGE_MS)
    this.#idle.delete(loop)
  }

  /** Something changed that the book and the queues do not tell: an account that was opened. */
  look(): void {
    this.#inBook = undefined
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
    const next = this.#nextMs()
    for (const [name, loops] of Map.groupBy(this.#idle, ({ name }) => name)) {
      const nextMs = next[name]
      if (nextMs !== undefined && nextMs <= scheduler.nowMs) {
        // One process at a time; another when that one did not do it.
        database.random.pick(loops).wakeup.wake()
        if (loops.length > 1) this.#arm(scheduler.nowMs + ANOTHER_MS)
      } else this.#arm(nextMs)
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

  #nextMs(): NextMs {
    const { settle, deadLetters } = this.#deps
    this.#inBook ??= this.#read()
    return { ...this.#inBook, pull: settle.nextAtMs, dead_letters: deadLetters?.nextAtMs }
  }

  #read(): NextMs {
    const { scheduler, book } = this.#deps
    const [now, misdated] = [scheduler.nowMs, scheduler.nowMs + MISDATED_MS].map((ms) => new Date(ms).toISOString())
    const [found] = book.read<Record<string, Date | null>>(NEXT, [now ?? null, misdated ?? null])
    return Object.fromEntries(Object.entries(found ?? {}).map(([loop, at]) => [loop, at?.getTime()]))
  }
}

/** $1 now, $2 what is misdated. */
const NEXT = `
  SELECT least(
    (SELECT CASE WHEN max(next_retry_at) > $2::timestamptz THEN $1::timestamptz ELSE min(next_retry_at) END
     FROM offline_sync_queue WHERE status = 'pending'),
    (SELECT min(CASE WHEN offline_resolution_is_due(choice, retry_at, $1) THEN $1 ELSE retry_at END)
     FROM offline_open_resolutions
     WHERE waiting_for IS NULL OR choice = 'reverse' AND waiting_for = 'money')) AS reconcile,
   (SELECT CASE WHEN max(next_attempt_at) > $2 THEN $1 ELSE min(next_attempt_at) END
    FROM offline_outbox o WHERE delivered_version < version AND NOT EXISTS (
      SELECT FROM offline_outbox b
      WHERE b.device_id = o.device_id AND b.delivered_version < b.version AND b.id < o.id)) AS outcomes,
   (SELECT $1 WHERE EXISTS (
      SELECT FROM offline_devices d JOIN wallet_core.accounts a ON a.wallet_id = d.owner_wallet AND a.kind <> 'system'
      WHERE NOT d.wallet_known)) AS wallets`
