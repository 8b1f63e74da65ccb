import type { CryptoSuite } from '../../crypto/suite.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import type { OfflineSDKOptions, ResolvedOptions } from './options.ts'
import { webCryptoFileCrypto } from './ports/file-crypto.ts'
import { emptyKeyStore } from './ports/key-store.ts'
import type { Fetch } from './sync/transport.ts'

/**
 * What the SDK takes from the runtime where the app passes nothing. What has a default on WebCrypto (`suite`, `fileCrypto`)
 * uses the global `crypto`; and every runtime must have `TextEncoder` and `TextDecoder`, which the CBOR library looks for
 * when it is loaded.
 */
interface Runtime {
  readonly fetch?: Fetch
  readonly crypto?: { getRandomValues(bytes: Uint8Array): Uint8Array; readonly subtle?: unknown }
  readonly performance?: { now(): number }
  readonly setTimeout: (run: () => void, delayMs: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly AbortController?: new () => { readonly signal: unknown; abort(): void }
}

/**
 * Fills in what the app left out.
 *
 * @throws TypeError when `atRest` is not decided, or the runtime lacks WebCrypto, `fetch`, `crypto.getRandomValues` or `performance.now` and none is
 * passed in
 */
export function withDefaults(options: OfflineSDKOptions): ResolvedOptions {
  const runtime = globalThis as unknown as Runtime
  const { AbortController } = runtime
  // Typed callers cannot forget it. Payments in plain text must be somebody's decision.
  if (options.atRest === undefined) throw new TypeError("`atRest` is a cipher for what is stored, or 'none'")
  return {
    ...options,
    keyStore: options.keyStore ?? emptyKeyStore,
    autoSync: options.autoSync ?? false,
    behavior: options.behavior ?? 'prefer_online',
    onlineWithinMs: options.onlineWithinMs ?? 3_000,
    syncEveryMs: options.syncEveryMs ?? 60_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    historyDays: options.historyDays ?? 30,
    keys: options.keys,
    userPresence: options.userPresence,
    exclusive: options.exclusive,
    channel: options.channel,
    hints: options.hints,
    atRest: options.atRest === 'none' ? undefined : options.atRest,
    suite: options.suite ?? runtimeSuite(runtime),
    fileCrypto: options.fileCrypto ?? webCryptoFileCrypto,
    // Called as a method of the global object: browsers refuse it detached.
    fetch: options.fetch ?? ((url, request) => needed(runtime.fetch, 'fetch').call(globalThis, url, request)),
    clock: options.clock ?? runtimeClock(runtime),
    randomBytes: options.randomBytes ?? runtimeRandom(runtime),
    timers: options.timers ?? {
      set: (run, delayMs) => runtime.setTimeout(run, delayMs),
      clear: (timer) => runtime.clearTimeout(timer),
    },
    newAbort: options.newAbort ?? (AbortController && (() => new AbortController())),
  }
}

function runtimeSuite({ crypto }: Runtime): CryptoSuite {
  if (crypto?.subtle !== undefined) return webCryptoSuite
  throw new TypeError('this runtime has no WebCrypto: pass `suite: nobleSuite(…)` from `@molam/offline/noble`')
}

function runtimeRandom({ crypto }: Runtime): (length: number) => Uint8Array {
  const source = needed(crypto, 'crypto.getRandomValues')
  return (length) => source.getRandomValues(new Uint8Array(length))
}

function runtimeClock({ performance }: Runtime): ResolvedOptions['clock'] {
  const source = needed(performance, 'performance.now')
  return { nowMs: () => Date.now(), monotonicMs: () => source.now() }
}

function needed<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new TypeError(`this runtime has no ${name}: pass it in the options`)
  return value
}
