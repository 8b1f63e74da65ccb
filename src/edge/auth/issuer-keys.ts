import type { CryptoKey } from 'jose'
import { type KeySet, readKeySet, type TokenAlgorithm } from './key-set.ts'
import { FETCH_DEADLINE_MS, KEYS_FRESH_MS, KEYS_STALE_MAX_MS, REFETCH_MS, STORE_AGAIN_MS } from './limits.ts'

/** A key set as it was fetched. */
export interface FetchedKeys {
  readonly text: string
  readonly fetchedAtMs: number
}

/** Where the last good keys outlive this isolate. Both ends may fail: then there is no copy. */
export interface KeyStore {
  /** @returns undefined when there is none, or none that we wrote */
  read(jwksUrl: string): Promise<FetchedKeys | undefined>
  write(jwksUrl: string, keys: FetchedKeys): Promise<void>
}

/** What a request lends to the verification. */
export interface KeyIo {
  /** The body of a 200 answer, bounded. @throws otherwise */
  readonly fetchText: (url: string) => Promise<string>
  readonly store: KeyStore
  readonly nowMs: () => number
  /** Resolves after a time; @returns also what calls it off. */
  readonly after: (ms: number) => { readonly done: Promise<void>; readonly cancel: () => void }
  /** Lets work go on after the answer. */
  readonly keepAlive: (work: Promise<unknown>) => void
}

export type FoundKey =
  | { readonly kind: 'key'; readonly key: CryptoKey }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable' }

interface Held extends FetchedKeys {
  readonly set: KeySet
}

/**
 * The keys of one issuer in one isolate:
 *
 *   fresh → used as they are
 *   old, or without the wanted key → fetched again, if the last attempt is long enough ago
 *   not to be had → the last good ones, this isolate's or the stored ones, for a day
 *
 * The issuer is asked once in `REFETCH_MS` at the most, whatever tokens come: key ids are the sender's to choose.
 */
export class IssuerKeys {
  readonly #url: string
  #held: Held | undefined
  #attemptedAtMs = Number.NEGATIVE_INFINITY
  #attempt: Promise<void> | undefined
  #failing = false
  #stored: FetchedKeys | undefined

  constructor(jwksUrl: string) {
    this.#url = jwksUrl
  }

  /** @returns `unknown` when the issuer has no such key, `unavailable` when nobody can tell */
  async find(alg: TokenAlgorithm, kid: string, io: KeyIo): Promise<FoundKey> {
    const nowMs = io.nowMs()
    if (this.#look(alg, kid, nowMs, KEYS_FRESH_MS) === undefined) await this.#refresh(alg, kid, io)
    const key = this.#look(alg, kid, nowMs, KEYS_STALE_MAX_MS)
    if (key !== undefined) return { kind: 'key', key }
    return this.#failing || this.#held === undefined ? { kind: 'unavailable' } : { kind: 'unknown' }
  }

  /**
   * Stores the keys, if they are news. Called once a token that was verified with them let somebody in and not before, so
   * that nobody else can cause a write.
   */
  remember(io: KeyIo): void {
    const held = this.#held
    if (held === undefined) return
    const { text, fetchedAtMs } = held
    if (this.#stored?.text === text && fetchedAtMs - this.#stored.fetchedAtMs < STORE_AGAIN_MS) return
    this.#stored = { text, fetchedAtMs }
    io.keepAlive(
      io.store.write(this.#url, this.#stored).catch(() => {
        this.#stored = undefined
      }),
    )
  }

  #look(alg: TokenAlgorithm, kid: string, nowMs: number, ageMaxMs: number): CryptoKey | undefined {
    const held = this.#held
    return held && nowMs - held.fetchedAtMs < ageMaxMs ? held.set.find(alg, kid) : undefined
  }

  async #refresh(alg: TokenAlgorithm, kid: string, io: KeyIo): Promise<void> {
    const nowMs = io.nowMs()
    if (nowMs - this.#attemptedAtMs >= REFETCH_MS) {
      this.#attemptedAtMs = nowMs
      const attempt = this.#fetch(io).finally(() => {
        if (this.#attempt === attempt) this.#attempt = undefined
      })
      this.#attempt = attempt
      io.keepAlive(attempt)
    } else if (this.#look(alg, kid, nowMs, KEYS_STALE_MAX_MS) !== undefined) {
      // Somebody else is asking already, or did so in vain: the last good key does meanwhile.
      return
    }
    if (this.#attempt === undefined) return
    // Another request's work may end with its client: it is waited for, and never without an end.
    const { done, cancel } = io.after(FETCH_DEADLINE_MS + 1_000)
    await Promise.race([this.#attempt, done])
    cancel()
  }

  async #fetch(io: KeyIo): Promise<void> {
    // Failing until it has not failed: an attempt that never ends must not turn an outage into "unknown key".
    this.#failing = true
    const fetchedAtMs = io.nowMs()
    const { done, cancel } = io.after(FETCH_DEADLINE_MS)
    try {
      const text = await Promise.race([
        io.fetchText(this.#url),
        done.then(() => {
          throw new Error('no answer')
        }),
      ])
      const set = await readKeySet(text)
      if (set === undefined) throw new Error('no keys')
      this.#held = { text, fetchedAtMs, set }
      this.#failing = false
    } catch {
      await this.#useStored(io)
    } finally {
      cancel()
    }
  }

  /** Another isolate may have seen newer keys before the issuer went away. */
  async #useStored(io: KeyIo): Promise<void> {
    const stored = await io.store.read(this.#url).catch(() => undefined)
    if (stored === undefined || stored.fetchedAtMs <= (this.#held?.fetchedAtMs ?? 0)) return
    const set = await readKeySet(stored.text)
    if (set === undefined) return
    this.#held = { ...stored, set }
    this.#stored = stored
  }
}
