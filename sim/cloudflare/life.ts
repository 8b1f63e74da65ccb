/** Thrown at code that goes on although the instance or isolate that it ran in is gone. Nobody is meant to hear it. */
export class AfterDeath extends Error {
  override name = 'AfterDeath'
}

/** For who waits for an isolate that is gone. */
export class IsolateGone extends Error {
  override name = 'IsolateGone'
}

/** Whether an error says no more than that its code outlived its instance; libraries wrap it. */
export function isAfterDeath(error: unknown): boolean {
  return error instanceof Error && (error instanceof AfterDeath || isAfterDeath(error.cause))
}

/**
 * How long an instance of an object, or an isolate, runs. JavaScript cannot be stopped, so what is left of a dead one runs on
 * until it needs something: an asynchronous call never comes back to it, a synchronous one throws `AfterDeath`.
 */
export class Life {
  readonly #atEnd = new Set<(why: Error) => void>()
  #why: Error | undefined

  get isOver(): boolean {
    return this.#why !== undefined
  }

  /** @throws AfterDeath */
  assert(): void {
    if (this.isOver) throw new AfterDeath('its instance is gone')
  }

  /** @param why what is told to those outside who wait for it */
  end(why: Error): void {
    if (this.isOver) return
    this.#why = why
    for (const fail of this.#atEnd) fail(why)
    this.#atEnd.clear()
  }

  /** For who waits outside: fails when this life ends first. */
  outside<T>(work: Promise<T>): Promise<T> {
    if (this.#why !== undefined) return Promise.reject(this.#why)
    return new Promise<T>((resolve, reject) => {
      this.#atEnd.add(reject)
      work.then(resolve, reject).finally(() => this.#atEnd.delete(reject))
    })
  }

  /** For code that runs in this life: when it is over nothing begins any more, and nothing comes back. */
  inside<T>(begin: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.isOver) return
      begin().then(
        (value) => this.isOver || resolve(value),
        (error) => this.isOver || reject(error),
      )
    })
  }
}

/**
 * Lets what dead code threw pass, where nobody awaited it. All else stays an error of the process.
 *
 * @returns takes that back
 */
export function ignoreAfterDeath(): () => void {
  const listener = (error: unknown) => {
    if (!isAfterDeath(error)) throw error
  }
  process.on('unhandledRejection', listener)
  return () => void process.off('unhandledRejection', listener)
}
