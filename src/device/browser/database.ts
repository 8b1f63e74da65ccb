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
  #incarnation: string | undefined
  #end: Error | undefined

  constructor(name: string) {
    this.#name = name
  }

  /**
   * Resolves once what `work` did is on disk. When `work` throws, nothing of it is.
   *
   * @throws DOMException of IndexedDB: `QuotaExceededError`, `VersionError` (a newer version of the app has been here) …
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
    try {
      const result = await work(transaction)
      await transaction.done
      return result
    } catch (error) {
      abort(transaction)
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
    const database = await openDB<Schema>(this.#name, VERSION, {
      upgrade: (created, _from, _to, { done }) => {
        // What aborts it, opening rejects with.
        done.catch(() => undefined)
        for (const store of ['records', 'keys'] as const) created.createObjectStore(store)
        created.createObjectStore('facts').put(crypto.randomUUID(), 'incarnation')
      },
      // Somebody deletes it, or a newer version of the app changes it: holding on would make them wait for ever.
      blocking: (_, version) => {
        if (version === null) this.#end ??= new DatabaseGone('the device was forgotten')
        this.#disconnect()
      },
      terminated: () => this.#disconnect(),
    })
    const incarnation = await database.get('facts', 'incarnation')
    this.#incarnation ??= incarnation as string
    if (this.#incarnation !== incarnation) {
      database.close()
      this.#end ??= new DatabaseGone('the database was deleted, and made anew')
      throw this.#end
    }
    return database
  }

  #disconnect(): void {
    const connection = this.#connection
    this.#connection = undefined
    // Transactions that have begun are still carried out.
    void connection?.then((database) => database.close()).catch(() => undefined)
  }
}

function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort()
  } catch {
    // It has ended already.
  }
}
