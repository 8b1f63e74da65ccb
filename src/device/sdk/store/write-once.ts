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
  readonly #announce: (keys: Iterable<string>) => Promise<void>
  /** Keys under which a failed write may have left something. */
  readonly #doubtful = new Set<string>()

  /** @param announce makes other contexts on the storage read these keys again */
  constructor(records: Records, announce: (keys: Iterable<string>) => Promise<void>) {
    this.#records = records
    this.#announce = announce
  }

  /** @throws OfflineError `storage_failed`: it is not written, or will be undone before anything else is */
  async write(key: string, body: unknown): Promise<void> {
    await this.undoFailed()
    try {
      await this.#records.write(key, body)
    } catch (error) {
      this.#doubtful.add(key)
      // Nobody else can have read it yet.
      await this.#undo().catch(() => undefined)
      throw error
    }
  }

  /**
   * Removes what failed writes may have left behind. To be called before anything is built on the records: until it
   * succeeds, nothing is taken and nothing is bundled.
   */
  async undoFailed(): Promise<void> {
    if (this.#doubtful.size === 0) return
    await this.#announce(this.#doubtful)
    await this.#undo()
  }

  isDoubtful(key: string): boolean {
    return this.#doubtful.has(key)
  }

  /**
   * Another context has gone on from what is on disk, and may have built on these records: they stand.
   *
   * @returns their keys
   */
  adopt(): readonly string[] {
    const keys = [...this.#doubtful]
    this.#doubtful.clear()
    return keys
  }

  async #undo(): Promise<void> {
    for (const key of this.#doubtful) {
      await this.#records.remove(key)
      this.#doubtful.delete(key)
    }
  }
}
