import type { CryptoSuite } from '../../crypto/suite.ts'
import type { KeySet } from '../../protocol/keyset.ts'
import type { OfflineBehavior } from './behavior.ts'
import type { UserPresence } from './exchange/authorise.ts'
import type { AtRestCipher } from './ports/at-rest.ts'
import type { ClockSource } from './ports/clock.ts'
import type { Channel, Exclusive, Hints } from './ports/contexts.ts'
import type { FileCrypto } from './ports/file-crypto.ts'
import type { KeyStore } from './ports/key-store.ts'
import type { Storage } from './ports/storage.ts'
import type { Fetch, NewAbort, Timers } from './sync/transport.ts'

/** What the SDK runs on; everything but the first four has a default. */
export interface OfflineSDKOptions {
  /** Base URL of the edge: `https://offline.molam.example`. */
  readonly apiUrl: string
  /** 1–64 of `A-Z a-z 0-9 . _ -`. */
  readonly deviceId: string
  readonly storage: Storage
  /**
   * Encrypts what is stored, which names payers and amounts. `none` where nothing outlives the program or the storage is
   * encrypted already. A storage is encrypted from its first record on or not at all.
   */
  readonly atRest: AtRestCipher | 'none'
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
  /**
   * Keys of the edge that come with the app; without them the first ones are fetched over TLS. Pinned either way: later ones
   * come with signed notices, or with a later version of the app.
   *
   * @example
   * // curl -H 'Accept: application/cbor' https://offline.molam.example/offline/keys > keys.cbor, when the app is built
   * keys: decodeKeySet(await readAsset('keys.cbor'))
   */
  readonly keys?: KeySet
  /** What a payment does about the network. Default `prefer_online`. */
  readonly behavior?: OfflineBehavior
  /** Milliseconds that a payment waits for the edge at the most, where it tries to reach it. Default 3 000. */
  readonly onlineWithinMs?: number
  /**
   * Makes the device a payer's phone: asks the person who holds it before `authorize` signs anything (PIN, fingerprint, face), and
   * shows what is asked. Left out, the device signs for no payment of others.
   */
  readonly userPresence?: UserPresence
  /** Runs one at a time over every context (tab, worker) that shares the storage. Default: over this instance only. */
  readonly exclusive?: Exclusive
  /** Tells other contexts on the same storage that something was written, and hears it from them. */
  readonly channel?: Channel
  /** What the platform thinks of the network and the page. */
  readonly hints?: Hints
  /** Default: WebCrypto. Where there is none, `nobleSuite` from `@molam/offline/noble`. */
  readonly suite?: CryptoSuite
  /** Encrypts exports. Default: WebCrypto. Where there is none, `nobleFileCrypto` from `@molam/offline/noble`. */
  readonly fileCrypto?: FileCrypto
  /** Default: the runtime's own. */
  readonly fetch?: Fetch
  readonly clock?: ClockSource
  /** From a cryptographically secure source. */
  readonly randomBytes?: (length: number) => Uint8Array
  readonly timers?: Timers
  readonly newAbort?: NewAbort
}

type WithoutDefault = 'keys' | 'userPresence' | 'newAbort' | 'exclusive' | 'channel' | 'hints'

export type ResolvedOptions = Required<Omit<OfflineSDKOptions, WithoutDefault | 'atRest'>> & {
  readonly [option in WithoutDefault]: OfflineSDKOptions[option] | undefined
} & { readonly atRest: AtRestCipher | undefined }
