import type { CryptoSuite } from '../crypto/suite.ts'
import { toHex, utf8 } from '../protocol/bytes.ts'
import { asStorageFailure } from './errors.ts'
import type { Storage } from './storage.ts'

/** What stands under a key. A record that is there and does not check out is `damaged`, never absent. */
export type Stored =
  | { readonly kind: 'absent' }
  | { readonly kind: 'whole'; readonly body: unknown }
  | { readonly kind: 'damaged'; readonly raw: string }

/** Format of a record's text; a later format gets a new one, and an app that does not know it keeps the record. */
const FORMAT = 'm1'
const CHECKSUM_BYTES = 8

/**
 * Checked records over a plain store: `m1.<checksum>.<JSON>`. The checksum is the first half of a SHA-256 over key and
 * body, so a record that was cut short, altered or moved to another key shows.
 */
export class Records {
  readonly #storage: Storage
  readonly #prefix: string
  readonly #suite: Pick<CryptoSuite, 'sha256'>

  constructor(storage: Storage, prefix: string, suite: Pick<CryptoSuite, 'sha256'>) {
    this.#storage = storage
    this.#prefix = prefix
    this.#suite = suite
  }

  /** @throws OfflineError `storage_failed` when the store cannot be read */
  async read(key: string): Promise<Stored> {
    const raw = await this.#get(key)
    if (raw === undefined) return { kind: 'absent' }
    const [format, checksum] = raw.split('.', 2)
    const json = raw.slice(`${format}.${checksum}.`.length)
    if (format !== FORMAT || checksum !== (await this.#checksum(key, json))) return { kind: 'damaged', raw }
    return { kind: 'whole', body: JSON.parse(json) as unknown }
  }

  /**
   * Writes a record and reads it back, so that a store that loses or cuts what it took is found out here.
   *
   * @throws OfflineError `storage_failed`; what then stands under the key is unknown
   */
  async write(key: string, body: unknown): Promise<void> {
    const json = JSON.stringify(body)
    const text = `${FORMAT}.${await this.#checksum(key, json)}.${json}`
    try {
      await this.#storage.setItem(this.#prefix + key, text)
    } catch (cause) {
      throw asStorageFailure(cause, 'safe_on_device')
    }
    if ((await this.#get(key)) !== text) throw asStorageFailure(new Error('read back differs'), 'safe_on_device')
  }

  /** @throws OfflineError `storage_failed` unless the key is proven to be empty afterwards */
  async remove(key: string): Promise<void> {
    try {
      await this.#storage.removeItem(this.#prefix + key)
    } catch (cause) {
      throw asStorageFailure(cause, 'safe_on_device')
    }
    if ((await this.#get(key)) !== undefined) throw asStorageFailure(new Error('not removed'), 'safe_on_device')
  }

  async #get(key: string): Promise<string | undefined> {
    try {
      return (await this.#storage.getItem(this.#prefix + key)) ?? undefined
    } catch (cause) {
      throw asStorageFailure(cause, 'safe_on_device')
    }
  }

  async #checksum(key: string, json: string): Promise<string> {
    return toHex((await this.#suite.sha256(utf8(`${this.#prefix}${key}\n${json}`))).slice(0, CHECKSUM_BYTES))
  }
}
