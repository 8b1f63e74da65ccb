import type { OfflinePayment } from '../../../device/sdk/index.ts'

type Outcome = Pick<OfflinePayment, 'localId' | 'status'>

/** An outcome that leaves the shop without the money of a payment that it took. */
export const isBad = ({ status }: Pick<OfflinePayment, 'status'>): boolean =>
  status === 'failed' || status === 'refused' || status === 'reversed'

/** A payment that was seen as failed may be given back later: that is another outcome. */
const nameOf = ({ localId, status }: Outcome): string => `${localId} ${status}`
const keyOf = (deviceId: string): string => `molam-pos-seen/${deviceId}`

/**
 * The bad outcomes that a person has opened on this device. They are kept beside the payments, in a store of their own:
 * where it cannot be read or written, an outcome counts as not seen, and is shown once more.
 */
export class Seen {
  readonly #key: string
  readonly #listeners = new Set<() => void>()
  #names: ReadonlySet<string>

  constructor(deviceId: string) {
    this.#key = keyOf(deviceId)
    this.#names = this.#read()
  }

  /** Another object after every change. */
  get names(): ReadonlySet<string> {
    return this.#names
  }

  has(payment: Outcome): boolean {
    return this.#names.has(nameOf(payment))
  }

  /**
   * @param payments a person has opened them
   * @param all the payments of the device: what is no longer among them is no longer remembered
   */
  add(payments: readonly Outcome[], all: readonly Outcome[]): void {
    const news = payments.filter((payment) => !this.has(payment))
    if (news.length === 0) return
    const kept = new Set(all.map(nameOf))
    this.#set(new Set([...this.#read(), ...this.#names, ...news.map(nameOf)].filter((name) => kept.has(name))))
    try {
      localStorage.setItem(this.#key, JSON.stringify([...this.#names]))
    } catch {
      // A full or forbidden storage: it holds until the page is closed, and is then shown again.
    }
  }

  /** Another tab writes into the same store. */
  readonly subscribe = (changed: () => void): (() => void) => {
    const listen = ({ key }: StorageEvent) => {
      if (key === this.#key || key === null) this.#set(this.#read())
    }
    addEventListener('storage', listen)
    this.#listeners.add(changed)
    return () => {
      this.#listeners.delete(changed)
      removeEventListener('storage', listen)
    }
  }

  #set(names: ReadonlySet<string>): void {
    this.#names = names
    for (const listener of this.#listeners) listener()
  }

  #read(): ReadonlySet<string> {
    try {
      const names: unknown = JSON.parse(localStorage.getItem(this.#key) ?? '[]')
      return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [])
    } catch {
      return new Set()
    }
  }
}

/** Goes with the device's payments. */
export function forgetSeen(deviceId: string): void {
  try {
    localStorage.removeItem(keyOf(deviceId))
  } catch {
    // A forbidden storage has nothing in it.
  }
}
