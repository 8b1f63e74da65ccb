import type { Channel, Exclusive, OfflineSDKOptions, Storage } from '../../../src/device/sdk/index.ts'
import type { Rig } from './rig.ts'

/** Tabs in one process: their locks, their channel, and each one's own end. */
export class Tabs {
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #ears = new Map<Tab, () => void>()
  readonly #rig: Rig
  /** Locks that were asked for, in order. */
  readonly locks: string[] = []

  constructor(rig: Rig) {
    this.#rig = rig
  }

  open(): Tab {
    return new Tab(this, this.#rig.storage)
  }

  /** One at a time under a name, in the order they came. */
  readonly exclusive: Exclusive = async (name, run) => {
    this.locks.push(name)
    const before = this.#tails.get(name)
    const running = (async () => {
      await before
      return run()
    })()
    this.#tails.set(
      name,
      running.catch(() => undefined),
    )
    return running
  }

  channelOf(tab: Tab): Channel {
    return {
      post: () => {
        if (tab.channel === 'closed') throw new Error('InvalidStateError')
        for (const [other, heard] of this.#ears) if (other !== tab && !tab.dead) heard()
      },
      subscribe: (heard) => {
        this.#ears.set(tab, heard)
        return () => void this.#ears.delete(tab)
      },
      close: () => {
        tab.channel = 'closed'
      },
    }
  }

  forget(tab: Tab): void {
    this.#ears.delete(tab)
  }
}

/** A tab ends at once: what it asks of the storage afterwards never happens, and its locks are free. */
export class Tab {
  readonly #tabs: Tabs
  readonly #storage: Storage
  dead = false
  channel: 'open' | 'closed' = 'open'
  #callsLeft = Number.POSITIVE_INFINITY

  constructor(tabs: Tabs, storage: Storage) {
    this.#tabs = tabs
    this.#storage = storage
  }

  /** The k-th storage call from now on is the last: it happens, and nobody hears of it. */
  endAfter(k: number): void {
    this.#callsLeft = k
  }

  end(): void {
    this.dead = true
    this.#tabs.forget(this)
  }

  options(channel = true): Partial<OfflineSDKOptions> {
    return {
      storage: {
        getItem: (key) => this.#call(() => this.#storage.getItem(key)),
        setItem: (key, value) => this.#call(() => this.#storage.setItem(key, value)),
        removeItem: (key) => this.#call(() => this.#storage.removeItem(key)),
      },
      exclusive: this.#tabs.exclusive,
      ...(channel && { channel: this.#tabs.channelOf(this) }),
    }
  }

  async #call<T>(run: () => T | Promise<T>): Promise<T> {
    if (this.dead) throw new Error('the tab is closed')
    this.#callsLeft--
    const result = await run()
    // Asked afterwards: a tab that is to live on by then does.
    if (this.#callsLeft <= 0) this.end()
    if (this.dead) throw new Error('the tab is closed')
    return result
  }
}
