/** Calls listeners by event name. One that throws does not keep the others, or the payment, from going on. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>()

  /** @returns a function that removes the listener */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        ;(listener as (value: Events[Name]) => void)(value)
      } catch {
        // The app's own fault, in the app's own code; there is nowhere to report it to from here.
      }
    }
  }
}
