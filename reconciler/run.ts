import { importHmacKey } from '../src/crypto/hmac.ts'
import { localKeys } from '../src/crypto/local-keys.ts'
import { type Backlog, readBacklog } from './backlog.ts'
import type { Config } from './config.ts'
import { openPool } from './db.ts'
import { openEdge } from './edge.ts'
import { faultOf, type Log } from './log.ts'
import { Bell, type Loop, runLoop } from './loop.ts'
import { sendOnce } from './outcomes.ts'
import { policyReader } from './policies.ts'
import { pullOnce } from './pull.ts'
import { openQueue } from './queue.ts'
import { reconcileOnce } from './reconcile.ts'
import { trustedReceiptKeys } from './verify-bundle.ts'

/** What the reconciler takes from its surroundings. */
export interface Surroundings {
  readonly fetch: typeof globalThis.fetch
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
}

export interface Reconciler {
  /** Works until the signal says stop; then the step under way is finished. Outages are waited out. */
  run(signal: AbortSignal): Promise<void>
  /** Works until there is nothing that could be done now. @throws when a part it needs is down */
  once(): Promise<Backlog>
  backlog(): Promise<Backlog>
  close(): Promise<void>
}

/** How often inbox and outbox are looked at when nothing in this process has woken their loop. */
const IDLE_MS = 500

/**
 * @example
 * const reconciler = await openReconciler(parseConfig(process.env), { fetch, clock: Date.now, random: Math.random, log })
 * const stop = new AbortController()
 * const running = reconciler.run(stop.signal)
 * // …
 * stop.abort()
 * await running
 * await reconciler.close()
 */
export async function openReconciler(config: Config, around: Surroundings): Promise<Reconciler> {
  const { clock, random, log } = around
  const [keys, hmacKey] = await Promise.all([
    localKeys(config.edgeKeys, config.wrappingSecret),
    importHmacKey(config.hmacSecret),
  ])
  const pool = openPool(config.databaseUrl, (error) => log.warn({ fault: faultOf(error) }, 'database connection lost'))
  const queue = openQueue(config.queue, around.fetch)
  const edge = openEdge(config.edgeUrl, hmacKey, around.fetch, clock)
  const common = { pool, clock, random, log }
  const reconcileDeps = { ...common, keys, trusted: await trustedReceiptKeys(keys), policies: policyReader(pool) }
  const pull = () => pullOnce({ ...common, queue })
  const reconcile = () => reconcileOnce(reconcileDeps)
  const send = () => sendOnce({ ...common, edge })

  return {
    async run(signal) {
      const [pulls, inbox, outbox] = [new Bell(), new Bell(), new Bell()]
      const loops: readonly Loop[] = [
        { name: 'pull', step: pull, bell: pulls, idleMs: config.queuePollMs, wakes: [inbox, outbox] },
        { name: 'reconcile', step: reconcile, bell: inbox, idleMs: IDLE_MS, wakes: [outbox] },
        { name: 'outcomes', step: send, bell: outbox, idleMs: IDLE_MS, wakes: [] },
      ]
      await Promise.all(loops.map((loop) => runLoop(loop, { signal, log, random })))
    },

    async once() {
      while ((await pull()) + (await reconcile()) + (await send()) > 0);
      return readBacklog(pool)
    },

    backlog: () => readBacklog(pool),
    close: () => pool.end(),
  }
}
