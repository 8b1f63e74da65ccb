import type { Fetch, Storage } from '../../src/device/sdk/index.ts'

/**
 * One run of the device's process: from a point on nothing that it does reaches the storage or the network any more, as
 * after a SIGKILL. What was carried out until then stays.
 */
export class Life {
  /** Storage calls, requests sent, answers received. */
  steps = 0
  #lastStep = Number.POSITIVE_INFINITY

  /** The process ends before its next step but `k`. */
  endAfter(k: number): void {
    this.#lastStep = this.steps + k
  }

  get isOver(): boolean {
    return this.steps > this.#lastStep
  }

  #step(): void {
    this.steps++
    if (this.isOver) throw new Error('the process has ended')
  }

  storage(disk: Storage): Storage {
    const during = async <T>(call: () => T | Promise<T>): Promise<T> => {
      // A real store answers later; what runs beside it gets its turn here.
      await Promise.resolve()
      this.#step()
      return call()
    }
    return {
      getItem: (key) => during(() => disk.getItem(key)),
      setItem: (key, value) => during(() => disk.setItem(key, value)),
      removeItem: (key) => during(() => disk.removeItem(key)),
    }
  }

  network(fetch: Fetch): Fetch {
    return async (url, request) => {
      this.#step()
      const answer = await fetch(url, request)
      this.#step()
      return answer
    }
  }
}
