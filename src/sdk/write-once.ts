import type { Records } from './records.ts'

/**
 * Writes records that must not exist yet and are never changed. A write that fails is undone, so that "it did not happen"
 * is true: a store can report an error and keep the record all the same.
 *
 * What stays open is a store that keeps what it reports as failed, then fails to remove it, and whose process ends before
 * it can: no order of writes can tell that from a write that was never answered.
 */
export class WriteOnce {
  readonly #records: Records
  /** Keys under which a failed write may have left something. */
  readonly #doubtful = new Set<string>()

  constructor(records: Records) {
    this.#records = records
  }

  /** @throws OfflineError `storage_failed`: it is not written, or will be undone before anything else is */
  async write(key: string, body: unknown): Promise<void> {
    await this.settle()
    try {
      await this.#records.write(key, body)
    } catch (error) {
      this.#doubtful.add(key)
      await this.settle().catch(() => undefined)
      throw error
    }
  }

  /**
   * Removes what failed writes may have left behind. To be called before anything is built on the records: until it
   * succeeds, nothing is taken and nothing is bundled.
   */
  async settle(): Promise<void> {
    for (const key of this.#doubtful) {
      await this.#records.remove(key)
      this.#doubtful.delete(key)
    }
  }
}
