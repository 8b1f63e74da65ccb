import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB, type StoreNames } from 'idb'

/** Who this browser is enrolled as, once the edge said so. */
export interface EnrolledDevice {
  readonly deviceId: string
  readonly apiUrl: string
  /** Id of the key that was enrolled, hex. */
  readonly kid: string
}

/** Made together, kept in one record, never changed: there is no moment at which only one of them exists. */
export interface DeviceKeys {
  readonly signing: CryptoKeyPair
  readonly atRest: CryptoKey
}

interface Schema extends DBSchema {
  /** What the SDK stores, a record a key. */
  records: { key: string; value: string }
  keys: { key: 'device'; value: DeviceKeys }
  facts: { key: 'enrolled' | 'incarnation'; value: EnrolledDevice | string }
}

type Store = StoreNames<Schema>
type Mode = 'readonly' | 'readwrite'
export type Transaction<Stores extends Store[], M extends Mode> = IDBPTransaction<Schema, Stores, M>

const VERSION = 1

/** Milliseconds that the browser has to open the database, and to carry out what is asked of it. */
const ANSWER_WITHIN_MS = 10_000

/** A database that the browser has closed is looked at again this often, with this pause, until it opens. */
const LOOKS_MAX = 40
const LOOK_EVERY_MS = 250

/** The database was deleted since, and what stands under its name is none or another one. */
export class DatabaseGone extends Error {
  override name = 'DatabaseGone'
}

/**
 * One IndexedDB database for one device: its records, its keys and who it is are deleted together or not at all.
 *
 * The browser and other windows may close the connection at any time; the next call opens it again. It must then be the
 * same database: one that was deleted and made anew is empty, and a payment written into it would have neither its state
 * nor its key.
 */
export class Database {
  readonly #name: string
  #connection: Promise<IDBPDatabase<Schema>> | undefined
  readonly #answerWithinMs: number
  #incarnation: string | undefined
  #end: Error | undefined
  #heard: (() => void) | undefined

  constructor(name: string, { answerWithinMs = ANSWER_WITHIN_MS } = {}) {
    this.#name = name
    this.#answerWithinMs = answerWithinMs
  }

  /** @param heard is called once, when the database was deleted under this connection */
  onGone(heard: () => void): void {
    this.#heard = heard
  }

  /**
   * Resolves once what `work` did is on disk. When `work` throws, nothing of it is.
   *
   * @throws DOMException of IndexedDB: `QuotaExceededError`, `VersionError` (a newer version of the app has been here) …;
   * `TimeoutError` when the browser does not answer, after which a write may have been carried out or not
   * @throws DatabaseGone
   */
  async transaction<T, Stores extends Store[], M extends Mode>(
    stores: Stores,
    mode: M,
    work: (transaction: Transaction<Stores, M>) => Promise<T>,
  ): Promise<T> {
    const transaction = await this.#begin(stores, mode)
    // It is awaited below; until then a failing transaction is not unhandled.
    transaction.done.catch(() => undefined)
    const carriedOut = async () => {
      const result = await work(transaction)
      await transaction.done
      return result
    }
    try {
      return await within(this.#answerWithinMs, carriedOut())
    } catch (error) {
      abort(transaction)
      // The next call tries another one.
      if (isLost(error)) this.#disconnect()
      throw error
    }
  }

  close(): void {
    this.#end ??= new Error('the database was closed')
    this.#disconnect()
  }

  async #begin<Stores extends Store[], M extends Mode>(stores: Stores, mode: M): Promise<Transaction<Stores, M>> {
    const begin = async () => (await this.#connected()).transaction(stores, mode, { durability: 'strict' })
    try {
      return await begin()
    } catch (error) {
      // The connection was closed since it was used last; nothing was begun on it.
      if (!(error instanceof DOMException) || error.name !== 'InvalidStateError') throw error
      this.#disconnect()
      return begin()
    }
  }

  #connected(): Promise<IDBPDatabase<Schema>> {
    if (this.#end) return Promise.reject(this.#end)
    this.#connection ??= this.#open().catch((error: unknown) => {
      this.#connection = undefined
      throw error
    })
    return this.#connection
  }

  async #open(): Promise<IDBPDatabase<Schema>> {
    const opening = openDB<Schema>(this.#name, VERSION, {
      upgrade: (created, _from, _to, { done }) => {
        // What aborts it, opening rejects with.
        done.catch(() => undefined)
        for (const store of ['records', 'keys'] as const) created.createObjectStore(store)
        created.createObjectStore('facts').put(crypto.randomUUID(), 'incarnation')
      },
      // Somebody deletes it, or a newer version of the app changes it: holding on would make them wait for ever.
      blocking: (_, version) => {
        if (version === null) this.#gone('the device was forgotten')
        this.#disconnect()
      },
      terminated: () => {
        this.#disconnect()
        if (this.#heard) void this.#lookAgain()
      },
    })
    const database = await within(this.#answerWithinMs, opening).catch((error: unknown) => {
      // It may still answer: nobody waits for it, and it must not hold up others.
      opening.then((late) => late.close()).catch(() => undefined)
      throw error
    })
    const incarnation = await database.get('facts', 'incarnation')
    this.#incarnation ??= incarnation as string
    if (this.#incarnation !== incarnation) {
      database.close()
      throw this.#gone('the database was deleted, and made anew')
    }
    return database
  }

  /**
   * The person cleared the site's data, or the browser's storage process died: the device hears which of them at once, and not
   * with its next payment. While the browser is still clearing, it opens nothing.
   */
  async #lookAgain(): Promise<void> {
    for (let tries = 0; tries < LOOKS_MAX && this.#end === undefined; tries++) {
      try {
        await this.#connected()
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
      }
    }
  }

  #gone(how: string): Error {
    if (this.#end === undefined) {
      this.#end = new DatabaseGone(how)
      this.#heard?.()
    }
    return this.#end
  }

  #disconnect(): void {
    const connection = this.#connection
    this.#connection = undefined
    // Transactions that have begun are still carried out.
    void connection?.then((database) => database.close()).catch(() => undefined)
  }
}

/** @throws DOMException `TimeoutError` */
async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException('the browser’s storage does not answer', 'TimeoutError')), ms)
  })
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}

/** WebKit tells of its storage process's death by the second. */
const isLost = (error: unknown): boolean =>
  error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'UnknownError')

function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort()
  } catch {
    // It has ended already.
  }
}
