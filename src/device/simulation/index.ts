import type { Fetch, HttpRequest, HttpResponse, Storage } from '../sdk/index.ts'

/**
 * A bad network on purpose, for developers and their tests.
 *
 * - `offline`: no request leaves
 * - `timeout`: requests leave and are never answered
 * - `intermittent`: each request is lost with the probability `loss`
 * - `lostAck`: pushes arrive, and their answers are lost
 * - `duplicate`: pushes arrive twice
 * - `crashAfterSend`: all ends after a push was sent: this instance does and writes nothing any more, and a new
 *   one on the same storage has to recover
 */
export interface Simulation {
  readonly mode: 'offline' | 'timeout' | 'intermittent' | 'lostAck' | 'duplicate' | 'crashAfterSend'
  /** How many requests meet it, of those that can; all when left out. */
  readonly times?: number
  /** With `intermittent`: 0–1, default 0.5. */
  readonly loss?: number
  /** With `intermittent`: the same seed loses the same requests. Default 1. */
  readonly seed?: number
}

/**
 * Names that RFC 6761 keeps from ever being a real server's. An answer of the edge could say more, but not before the
 * first request has left; and a list of production hosts would one day lack one.
 */
const HARMLESS_HOST =
  /^https?:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|(?:[a-z0-9-]+\.)+(?:localhost|test))(?::\d+)?(?:\/|$)/i

/** What of the options of an `OfflineSDK` a simulation bends. */
interface Platform {
  readonly apiUrl: string
  readonly storage: Storage
  /** The runtime's own when left out. */
  readonly fetch?: Fetch
}

/**
 * The platform as the simulation bends it, for the options of an `OfflineSDK`.
 *
 * @throws RangeError when `apiUrl` could be a real edge: anything but `localhost`, a loopback address, `*.localhost` and
 * `*.test`
 * @example
 * const options = { apiUrl: 'http://localhost:8787', deviceId: 'POS-001', storage, keyStore, atRest }
 * const sdk = new OfflineSDK({ ...options, ...simulated({ mode: 'lostAck', times: 2 }, options) })
 */
export function simulated(
  simulation: Simulation,
  { apiUrl, storage, fetch = runtimeFetch }: Platform,
): { readonly fetch: Fetch; readonly storage: Storage } {
  if (!HARMLESS_HOST.test(apiUrl)) throw new RangeError('a simulation is for localhost and *.test only')
  const { mode, times = Number.POSITIVE_INFINITY, loss = 0.5, seed = 1 } = simulation
  const random = mulberry32(seed)
  let left = times
  let dead = false

  const meets = ({ method }: HttpRequest): boolean => {
    const pushesOnly = mode === 'lostAck' || mode === 'duplicate' || mode === 'crashAfterSend'
    if (left <= 0 || (pushesOnly && method !== 'POST')) return false
    if (mode === 'intermittent' && random() >= loss) return false
    left--
    return true
  }

  const bent = async (url: string, request: HttpRequest): Promise<HttpResponse> => {
    switch (mode) {
      case 'offline':
      case 'intermittent':
        throw new TypeError(`simulated: ${mode}`)
      case 'timeout':
        void fetch(url, request).catch(() => undefined)
        return new Promise(() => undefined)
      case 'lostAck':
        await fetch(url, request)
        throw new TypeError('simulated: lostAck')
      case 'duplicate':
        await fetch(url, request)
        return fetch(url, request)
      case 'crashAfterSend':
        await fetch(url, request)
        dead = true
        throw new TypeError('simulated: crashAfterSend')
    }
  }

  const alive = <T>(run: () => T): T => {
    if (dead) throw new Error('simulated: all has ended')
    return run()
  }

  const { keys } = storage
  return {
    fetch: async (url, request) => alive(() => (meets(request) ? bent(url, request) : fetch(url, request))),
    storage: {
      getItem: (key) => alive(() => storage.getItem(key)),
      setItem: (key, value) => alive(() => storage.setItem(key, value)),
      removeItem: (key) => alive(() => storage.removeItem(key)),
      ...(typeof keys === 'function' && { keys: () => alive(() => keys.call(storage)) }),
    },
  }
}

const runtimeFetch: Fetch = (url, request) => (globalThis as unknown as { readonly fetch: Fetch }).fetch(url, request)

/** A small generator with a seed (Tommy Ettinger's mulberry32): for losing packets, never for secrets. */
function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
