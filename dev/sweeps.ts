/** The edge's cron on this machine. A sweep never runs into an edge that is being stopped: it would fail, and be told as a fault. */
export class Sweeps {
  readonly #sweep: () => Promise<void>
  readonly #everyMs: number
  #timer: ReturnType<typeof setInterval> | undefined
  readonly #underWay = new Set<Promise<void>>()

  constructor(sweep: () => Promise<void>, everyMs: number) {
    this.#sweep = sweep
    this.#everyMs = everyMs
    this.resume()
  }

  resume(): void {
    this.#timer ??= setInterval(() => {
      const run = this.#sweep()
        .catch(console.error)
        .finally(() => this.#underWay.delete(run))
      this.#underWay.add(run)
    }, this.#everyMs)
  }

  /** From now on no sweep begins; those under way have ended when this resolves. */
  async pause(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await Promise.all(this.#underWay)
  }
}
