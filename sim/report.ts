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

  /** How many of the ways from state to state were gone, which were not, and which there should not be. @param all there are */
  coverage(all: readonly string[]): string {
    const missed = all.filter((way) => !this.#transitions.has(way))
    const unknown = [...this.#transitions].filter((way) => !all.includes(way)).sort()
    const share = Math.round((1 - missed.length / all.length) * 1000) / 10
    return [
      `${share} % of ${all.length} ways from state to state were gone`,
      ...missed.map((way) => `  not gone: ${way}`),
      ...unknown.map((way) => `  not among them: ${way}`),
    ].join('\n')
  }

  /** What was injected, by kind; those that never struck are named too. @param kinds all there are */
  faults(kinds: readonly string[]): string {
    const lines = kinds.map((kind) => `  ${kind.padEnd(24)} ${this.#faults.get(kind) ?? 0}`)
    return [`${this.#operations} operations, ${this.#steps} steps of the scheduler; faults injected:`, ...lines].join(
      '\n',
    )
  }
}
