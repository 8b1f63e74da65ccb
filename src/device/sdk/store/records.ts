import type { CryptoSuite } from '../../../crypto/suite.ts'
import { fromBase64url, toBase64url, toHex, utf8 } from '../../../protocol/bytes.ts'
import { asStorageFailure } from '../errors.ts'
import type { AtRestCipher } from '../ports/at-rest.ts'
import type { Storage } from '../ports/storage.ts'

/** What stands under a key. A record that is there and cannot be used is one of the last three, never absent. */
export type Stored =
  | { readonly kind: 'absent' }
  | { readonly kind: 'whole'; readonly body: unknown }
  /** Cut short, altered, or moved from another key. */
  | { readonly kind: 'damaged'; readonly raw: string }
  /** Intact, and not for this key: sealed with another one, sealed where there is none, or plain where there is one. */
  | { readonly kind: 'locked'; readonly raw: string }
  /** In a format that a later version of the app writes. */
  | { readonly kind: 'newer'; readonly raw: string }

/** Formats of a record's text: plain and sealed. A later format gets another number, and who does not know it keeps it. */
const PLAIN = 'm1'
const SEALED = 's1'
const LATER = /^[ms](?:[2-9]|[1-9]\d+)\./
const CHECKSUM_BYTES = 8

export interface RecordsOptions {
  readonly storage: Storage
  /** In front of each key. */
  readonly prefix: string
  readonly suite: Pick<CryptoSuite, 'sha256'>
  readonly atRest: AtRestCipher | undefined
}

/**
 * Checked records over a plain store: `m1.<checksum>.<JSON>`, or `s1.<checksum>.<sealed JSON, base64url>`. The checksum is
 * the first half of a SHA-256 over key and body as they stand, so a record that was cut short, altered or moved to another
 * key shows; and one that checks out and does not open has another key.
 */
export class Records {
  readonly #options: RecordsOptions
  #writes = 0

  constructor(options: RecordsOptions) {
    this.#options = options
  }

  /** How often something was changed here, or may have been. */
  get writes(): number {
    return this.#writes
  }

  /** @throws OfflineError `storage_failed` when the store cannot be read */
  async read(key: string): Promise<Stored> {
    const raw = await this.text(key)
    return raw === undefined ? { kind: 'absent' } : this.decode(key, raw)
  }

  async decode(key: string, raw: string): Promise<Stored> {
    if (LATER.test(raw)) return { kind: 'newer', raw }
    const [format, checksum] = raw.split('.', 2)
    const body = raw.slice(`${format}.${checksum}.`.length)
    const known = format === PLAIN || format === SEALED
    if (!known || checksum !== (await this.#checksum(key, body))) return { kind: 'damaged', raw }
    const json = format === SEALED ? await this.#open(key, body) : this.#options.atRest ? undefined : body
    return json === undefined ? { kind: 'locked', raw } : { kind: 'whole', body: JSON.parse(json) as unknown }
  }

  /** The text of a record as it goes into the store. */
  async encode(key: string, body: unknown): Promise<string> {
    const json = JSON.stringify(body)
    const { atRest } = this.#options
    if (atRest === undefined) return `${PLAIN}.${await this.#checksum(key, json)}.${json}`
    const sealed = toBase64url(await guarded(() => atRest.seal(utf8(json), this.#name(key))))
    return `${SEALED}.${await this.#checksum(key, sealed)}.${sealed}`
  }

  /**
   * Writes a record and reads it back, so that a store that loses or cuts what it took is found out here.
   *
   * @throws OfflineError `storage_failed`; what then stands under the key is unknown
   */
  async write(key: string, body: unknown): Promise<void> {
    await this.put(key, await this.encode(key, body))
  }

  /** As `write`, for a text that is made already. */
  async put(key: string, text: string): Promise<void> {
    this.#writes++
    await guarded(async () => this.#options.storage.setItem(this.#options.prefix + key, text))
    if ((await this.text(key)) !== text) throw asStorageFailure(new Error('read back differs'))
  }

  /** @throws OfflineError `storage_failed` unless the key is proven to be empty afterwards */
  async remove(key: string): Promise<void> {
    this.#writes++
    await guarded(async () => this.#options.storage.removeItem(this.#options.prefix + key))
    if ((await this.text(key)) !== undefined) throw asStorageFailure(new Error('not removed'))
  }

  /** What stands under a key, unread. */
  async text(key: string): Promise<string | undefined> {
    return (await guarded(async () => this.#options.storage.getItem(this.#options.prefix + key))) ?? undefined
  }

  /** The names of all records, or undefined where the store does not list them. */
  async keys(): Promise<readonly string[] | undefined> {
    const { storage, prefix } = this.#options
    // Whatever else an app hangs on its store under this name is no list.
    if (typeof storage.keys !== 'function') return undefined
    const names = await guarded(async () => storage.keys?.() ?? [])
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  }

  async #open(key: string, body: string): Promise<string | undefined> {
    const { atRest } = this.#options
    if (atRest === undefined) return undefined
    const plain = await guarded(() => atRest.open(fromBase64url(body), this.#name(key)))
    return plain && new TextDecoder().decode(plain)
  }

  #name(key: string): Uint8Array {
    return utf8(this.#options.prefix + key)
  }

  async #checksum(key: string, body: string): Promise<string> {
    const digest = await this.#options.suite.sha256(utf8(`${this.#options.prefix}${key}\n${body}`))
    return toHex(digest.slice(0, CHECKSUM_BYTES))
  }
}

/** What the store or the cipher throws is a failure of the storage. */
async function guarded<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw asStorageFailure(cause)
  }
}
