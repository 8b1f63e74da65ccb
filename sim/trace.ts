import { createHash } from 'node:crypto'
import type { Scheduler } from './time/scheduler.ts'

/** What happened in a run, in sentences: who did what, when, and which fault struck. */
export class Trace {
  readonly lines: string[] = []
  readonly #scheduler: Scheduler
  readonly #startMs: number

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#startMs = scheduler.nowMs
  }

  say(who: string, what: string): void {
    const atMs = this.#scheduler.nowMs - this.#startMs
    this.lines.push(`${clock(atMs)}  ${who} ${what}`)
  }

  /** Two runs of one seed have the same. */
  get digest(): string {
    return createHash('sha256').update(this.lines.join('\n')).digest('hex')
  }
}

/** @returns days, hours, minutes, seconds since the world began */
function clock(ms: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  const s = ms / 1000
  return `${Math.floor(s / 86_400)}d ${two((s / 3600) % 24)}:${two((s / 60) % 60)}:${two(s % 60)}.${String(Math.floor(ms % 1000)).padStart(3, '0')}`
}
