import { MINUTE_MS } from '../../protocol/time.ts'

/** The row that an isolate keeps in D1: its running totals since the row began. Writing it again changes nothing. */
export interface CounterRow {
  readonly id: string
  readonly startedAtMs: number
  readonly rev: number
  readonly counts: Readonly<Record<string, number>>
}

/** The least time between two writes of an isolate: what it may lose when it dies. */
export const FLUSH_MS = 10_000
/** How long a row is written to, and how long it may be when D1 has not said that it took the last write. */
const ROW_MS = 30 * MINUTE_MS
const ROW_MAX_MS = 45 * MINUTE_MS

/**
 * Counts of what happens in this isolate and is written down nowhere else: refusals, requests, calls to SIRA.
 *
 * Nothing is counted twice: a row holds totals and not differences, so a write whose answer was lost can be repeated.
 * Nor is a row written to once it may have been added up for good (totals.ts), however long the isolate was idle. What is
 * lost: the last `FLUSH_MS` of an isolate that dies, and the counts of a row that D1 did not take for 45 minutes.
 * A number of series is fixed by the code, so a flood does not make it grow.
 */
export class IsolateCounters {
  readonly #newId: () => string
  #row: Row | undefined
  #counts = new Map<string, number>()
  #isDirty = false
  #triedAtMs = Number.NEGATIVE_INFINITY

  constructor(newId: () => string) {
    this.#newId = newId
  }

  add(series: string, by = 1): void {
    this.#counts.set(series, (this.#counts.get(series) ?? 0) + by)
    this.#isDirty = true
  }

  isDue(nowMs: number): boolean {
    return this.#isDirty && nowMs - this.#triedAtMs >= FLUSH_MS
  }

  /** Writes the row. Never throws: whoever counts must not fail. @returns whether it was written */
  async flush(write: (row: CounterRow) => Promise<void>, nowMs: number): Promise<boolean> {
    const row = this.#rowAt(nowMs)
    const rev = row.rev + 1
    const counts = Object.fromEntries(this.#counts)
    row.rev = rev
    row.tried = counts
    this.#triedAtMs = nowMs
    this.#isDirty = false
    try {
      await write({ id: row.id, startedAtMs: row.startedAtMs, rev, counts })
    } catch {
      this.#isDirty = true
      return false
    }
    row.writtenRev = Math.max(row.writtenRev, rev)
    return true
  }

  /** The row to write to now. A new one begins with what was counted since the last write of the one before. */
  #rowAt(nowMs: number): Row {
    const row = this.#row
    if (row !== undefined) {
      const ageMs = nowMs - row.startedAtMs
      if (ageMs < (row.writtenRev === row.rev ? ROW_MS : ROW_MAX_MS)) return row
      for (const [series, count] of Object.entries(row.tried)) {
        const rest = (this.#counts.get(series) ?? 0) - count
        if (rest > 0) this.#counts.set(series, rest)
        else this.#counts.delete(series)
      }
    }
    this.#row = { id: this.#newId(), startedAtMs: nowMs, rev: 0, writtenRev: 0, tried: {} }
    return this.#row
  }
}

interface Row {
  readonly id: string
  readonly startedAtMs: number
  /** Of the last write that was tried, and of the last that D1 has said it took. */
  rev: number
  writtenRev: number
  /** What the last write that was tried said. */
  tried: Readonly<Record<string, number>>
}
