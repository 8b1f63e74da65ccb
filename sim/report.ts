import type { Ran } from './work.ts'

/** What many seeds came to. */
export class Report {
  readonly #faults = new Map<string, number>()
  readonly failed: Ran[] = []
  seeds = 0
  #operations = 0
  #steps = 0
  readonly #transitions = new Set<string>()

  add(ran: Ran): void {
    this.seeds++
    this.#operations += ran.operations
    this.#steps += ran.steps
    for (const transition of ran.transitions) this.#transitions.add(transition)
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

  /** Which ways from state to state were gone, and which of those that there are were not. */
  get transitions(): ReadonlySet<string> {
    return this.#transitions
  }

  /** What was injected, by kind; those that never struck are named too. @param kinds all there are */
  faults(kinds: readonly string[]): string {
    const lines = kinds.map((kind) => `  ${kind.padEnd(24)} ${this.#faults.get(kind) ?? 0}`)
    return [`${this.#operations} operations, ${this.#steps} steps of the scheduler; faults injected:`, ...lines].join(
      '\n',
    )
  }
}
