import type { Ran } from './work.ts'

/** What many seeds came to. */
export class Report {
  readonly #faults = new Map<string, number>()
  readonly failed: Ran[] = []
  seeds = 0
  #operations = 0
  #steps = 0

  add(ran: Ran): void {
    this.seeds++
    this.#operations += ran.operations
    this.#steps += ran.steps
    if (ran.broken.length > 0) this.failed.push(ran)
    for (const [kind, times] of Object.entries(ran.faults))
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + times)
  }

  /** @param seconds since the beginning @param jobs threads */
  line(seconds: number, jobs: number): string {
    const perMinute = Math.round((this.seeds / seconds) * 60)
    const each = jobs > 1 ? `, ${Math.round(perMinute / jobs)} a thread` : ''
    return `${this.seeds} seeds, ${perMinute} a minute${each}; ${this.failed.length} broke a promise`
  }

  /** What was injected, by kind; those that never struck are named too. @param kinds all there are */
  faults(kinds: readonly string[]): string {
    const lines = kinds.map((kind) => `  ${kind.padEnd(24)} ${this.#faults.get(kind) ?? 0}`)
    return [`${this.#operations} operations, ${this.#steps} steps of the scheduler; faults injected:`, ...lines].join(
      '\n',
    )
  }
}
