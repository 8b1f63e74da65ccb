/**
 * Runs one after the other, in the order of their arrival. What runs awaits other services, so without it the calls that
 * arrive meanwhile would all do work that only one of them can use.
 *
 * @example
 * const turns = new Turns()
 * await Promise.all([turns.take(first), turns.take(second)]) // `second` begins when `first` has ended
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** @returns what `run` returns; whether it fails is no matter to whoever comes next */
  take<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
