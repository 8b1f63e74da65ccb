import type { CryptoSuite } from '../crypto/suite.ts'
import type { KeySet } from '../protocol/keyset.ts'
import type { ClockSource } from './clock.ts'
import type { KeyStore } from './key-store.ts'
import type { Storage } from './storage.ts'
import type { Fetch, NewAbort, Timers } from './transport.ts'

/** What the SDK runs on; everything but the first three has a default. */
export interface OfflineSDKOptions {
  /** Base URL of the edge: `https://offline.molam.example`. */
  readonly apiUrl: string
  /** 1–64 of `A-Z a-z 0-9 . _ -`. */
  readonly deviceId: string
  readonly storage: Storage
  /** Where the device's private key is. Without one no payment can be taken: the state is `blocked`, `key_missing`. */
  readonly keyStore?: KeyStore
  /** Sync by itself: soon after a payment, on a timer, with backoff. Default false. */
  readonly autoSync?: boolean
  /** Milliseconds between automatic syncs while payments are under way. Default 60 000. */
  readonly syncEveryMs?: number
  /** Milliseconds after which a request counts as unanswered. Default 30 000. */
  readonly requestTimeoutMs?: number
  /** Days that finished payments stay on the device. Default 30, at least 2. */
  readonly historyDays?: number
  /** Keys of the edge that come with the app; without them the first ones are fetched over TLS. Pinned either way. */
  readonly keys?: KeySet
  /** Default: noble, in plain JavaScript. `webCryptoSuite` is faster where there is WebCrypto. */
  readonly suite?: CryptoSuite
  /** Default: the runtime's own. */
  readonly fetch?: Fetch
  readonly clock?: ClockSource
  /** From a cryptographically secure source. */
  readonly randomBytes?: (length: number) => Uint8Array
  readonly timers?: Timers
  readonly newAbort?: NewAbort
}

type WithoutDefault = 'keys' | 'newAbort'

export type ResolvedOptions = Required<Omit<OfflineSDKOptions, WithoutDefault>> & {
  readonly [option in WithoutDefault]: OfflineSDKOptions[option] | undefined
}
