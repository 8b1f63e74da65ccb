/**
 * The store that the app brings: `localStorage`, React Native's AsyncStorage, MMKV, or any other with these three
 * methods, synchronous or not. The SDK asks no more of it than that one `setItem` that resolved can be read back.
 *
 * Why it fails, it may say by the `name` of what it throws: `QuotaExceededError` for a full one, `TimeoutError` for one that
 * does not answer, `VersionError` where a later version of the app has been, `DatabaseGone` where all of it was deleted.
 */
export interface Storage {
  getItem(key: string): string | null | undefined | Promise<string | null | undefined>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
  /**
   * The names of all items, where the store can tell them (`getAllKeys` of AsyncStorage and MMKV). With it the payments of a
   * device whose state is lost are found at once and to the last; without it their numbers are tried one by one.
   */
  keys?(): readonly string[] | Promise<readonly string[]>
}

/** A store that lives as long as the process: for tests and simulated devices. */
export function memoryStorage(items: Map<string, string> = new Map()): Storage {
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    keys: () => [...items.keys()],
  }
}
