import type { CryptoKey } from 'jose'
import { importHmacKey } from '../src/crypto/hmac.ts'
import { localKeys } from '../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../src/crypto/receipt-keys.ts'
import { HOUR_MS } from '../src/protocol/time.ts'
import { type Backlog, readBacklog } from './backlog.ts'
import { consentCodes } from './codes/code.ts'
import { openGateway } from './codes/gateway.ts'
import { sendCodes } from './codes/send.ts'
import { type Config, InvalidConfig, type Logins } from './config.ts'
import { openPool } from './db.ts'
import { Liveness, serveHealth } from './health.ts'
import { faultOf, type Log } from './log.ts'
import { type GoOn, type Loop, type LoopDeps, runAll, Wakeup } from './loop.ts'
import { newMetrics } from './metrics.ts'
import type { Alarm } from './not-believed.ts'
import { letParkedGo } from './parked.ts'
import { pruneInbox } from './prune.ts'
import { pullDeadLetters } from './pull/dead-letters.ts'
import { pullOnce } from './pull/pull.ts'
import { openQueue } from './pull/queue.ts'
import { wrongTries } from './registry/code-requests.ts'
import { policyReader } from './registry/policies.ts'
import { refusedConsents } from './registry/registry.ts'
import { findOpenedWallets } from './registry/wallets.ts'
import { reconcileOnce } from './settle/reconcile.ts'
import { openRiskScorer } from './settle/risk.ts'
import { openEdge } from './tell/edge.ts'
import { sendOnce } from './tell/outcomes.ts'
import { dailyCheckpoint } from './verify/checkpoint.ts'
import { checkpointKeys } from './verify/checkpoint-key.ts'

/** What the reconciler takes from its surroundings. */
export interface Surroundings {
  readonly fetch: typeof globalThis.fetch
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
  /** Connections to Postgres; over sockets when left out. */
  readonly openPool?: typeof openPool
  /** How idle loops wait, when not by their own clock. */
  readonly pause?: LoopDeps['pause']
}

export interface Reconciler {
  /**
   * Works until the signal says stop; then the step under way is finished. Outages are waited out.
   *
   * @throws InvalidConfig for what only a person can mend
   */
  run(signal: AbortSignal): Promise<void>
  /**
   * Works until there is nothing that could be done now.
   *
   * @param onStep told after each step what was done so far, and what is left in the inbox
   * @throws when a part it needs is down
   */
  once(onStep?: (done: number, left: number) => void): Promise<Backlog>
  /** Takes what is due in the inbox, once. @returns how many messages */
  settleInbox(): Promise<number>
  backlog(): Promise<Backlog>
  close(): Promise<void>
}

/** How often inbox and outbox are looked at when nothing in this process has woken their loop. */
const IDLE_MS = 500
/** What comes, by several loops; what is settled, by one, and by the one after it when it hangs; health, metrics and checkpoints. */
const CONNECTIONS_MAX = { record: 3, settle: 2, read: 2 } as const
/** Dead letters are rare, and late already. */
const DEAD_LETTERS_IDLE_MS = 60_000
/** How often it is looked whether wallets that were missing have been opened. */
const WALLETS_IDLE_MS = 5_000
/** How often it is looked for codes to send when nothing was recorded. */
const CODES_IDLE_MS = 2_000
/** How often it is looked for messages that are old enough to go. */
const PRUNE_IDLE_MS = 60_000
/** How often it is asked whether a new day has begun. */
const CHECKPOINT_IDLE_MS = 60_000
/** It reads the whole book in a few statements. */
const CHECKPOINT_MAX_MS = HOUR_MS

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
  const lost = (error: Error) => log.warn({ fault: faultOf(error) }, 'database connection lost')
  const open = (login: keyof Logins) =>
    (around.openPool ?? openPool)(config.logins[login], lost, CONNECTIONS_MAX[login], config.databaseTimeoutMs)
  const [pool, settle, read] = [open('record'), open('settle'), open('read')]
  const queue = openQueue(config.queue, around.fetch)
  const edge = openEdge(config.edgeUrl, hmacKey, around.fetch, clock)
  const common = { pool, clock, random, log }
  const metrics = newMetrics(read, clock)
  const trusted = await trustedReceiptKeys(keys)
  const alarm: Alarm = (what, fields) => {
    log.error({ notBelieved: what, ...fields }, 'a row that nobody has signed: it gives nothing')
    metrics.notBelieved(what)
  }
  const codes = await consentCodes(config.codeKeys)
  const sender = config.gateway && openGateway(config.gateway, around.fetch)
  const reconcileDeps = {
    ...common,
    settle,
    keys,
    trusted,
    codes,
    sendsCodes: sender !== undefined,
    policies: policyReader({ ...common, trusted, edge }),
    risk: await openRiskScorer(config.risk, { ...common, fetch: around.fetch }),
    settled: metrics.settled,
    alarm,
  }
  const pull = () => pullOnce({ ...common, trusted, queue })
  const reconcile = (goOn?: GoOn) => reconcileOnce(reconcileDeps, goOn)
  const told = {
    refused: (ids: readonly string[]) => refusedConsents(pool, ids),
    wrongTries: (request: { readonly deviceId: string; readonly no: number }) =>
      wrongTries(pool, request, { trusted, codes }),
  }
  const send = (goOn?: GoOn) => sendOnce({ ...common, edge, ...told }, goOn)
  const wallets = () => findOpenedWallets(pool, clock())
  const prune = async () => (await pruneInbox(pool, config.inboxKeepDays, clock())) + (await letParkedGo(pool, clock()))
  const bring = sender && ((goOn?: GoOn) => sendCodes({ ...common, settle, codes, trusted, alarm, sender }, goOn))
  const { deadLetterQueueId } = config
  const deadLetters = deadLetterQueueId && openQueue({ ...config.queue, id: deadLetterQueueId }, around.fetch)
  const rescue = deadLetters ? () => pullDeadLetters({ ...common, trusted, queue: deadLetters }) : undefined
  const checkpoints = config.checkpoints && {
    file: config.checkpoints.file,
    keys: await signingKeys(config.checkpoints.key),
  }
  const liveness = new Liveness(clock)
  const observe = (name: string, seconds: number, count: number | undefined) => {
    metrics.step(name, seconds, count)
    liveness.ended(name, count === undefined)
  }

  const alive = (name: string) => liveness.alive(name)
  const gaveUp = (name: string) => liveness.gaveUp(name)

  const watched = { pool: read, metrics, liveness, vital: 'reconcile' }
  const sign = checkpoints && dailyCheckpoint(read, checkpoints.file, checkpoints.keys, clock, metrics.checkpoint)

  return {
    async run(signal) {
      const [pulls, inbox, outbox, codesDue] = [new Wakeup(), new Wakeup(), new Wakeup(), new Wakeup()]
      const loops: readonly Loop[] = [
        { name: 'pull', step: pull, wakeup: pulls, idleMs: config.queuePollMs, wakes: [inbox, outbox] },
        { name: 'reconcile', step: reconcile, wakeup: inbox, idleMs: IDLE_MS, wakes: [outbox, codesDue] },
        ...(bring ? [{ name: 'codes', step: bring, wakeup: codesDue, idleMs: CODES_IDLE_MS, wakes: [outbox] }] : []),
        { name: 'outcomes', step: send, wakeup: outbox, idleMs: IDLE_MS, wakes: [] },
        { name: 'wallets', step: wallets, wakeup: new Wakeup(), idleMs: WALLETS_IDLE_MS, wakes: [outbox] },
        { name: 'prune', step: prune, wakeup: new Wakeup(), idleMs: PRUNE_IDLE_MS, wakes: [] },
        ...(rescue
          ? [{ name: 'dead_letters', step: rescue, wakeup: new Wakeup(), idleMs: DEAD_LETTERS_IDLE_MS, wakes: [inbox] }]
          : []),
        ...(sign
          ? [
              {
                name: 'checkpoint',
                step: sign,
                wakeup: new Wakeup(),
                idleMs: CHECKPOINT_IDLE_MS,
                wakes: [],
                silentMaxMs: CHECKPOINT_MAX_MS,
              },
            ]
          : []),
      ]
      const health = config.metricsPort === undefined ? undefined : await serveHealth(config.metricsPort, watched)
      if (health) log.info({ port: health.port }, 'health and metrics')
      try {
        await runAll(loops, {
          signal,
          log,
          random,
          observe,
          alive,
          gaveUp,
          ...(around.pause && { pause: around.pause }),
        })
      } finally {
        await health?.close()
      }
    },

    async once(onStep) {
      for (let done = 0; ; ) {
        const taken =
          (await pull()) +
          ((await rescue?.()) ?? 0) +
          (await reconcile()) +
          (await wallets()) +
          ((await bring?.()) ?? 0) +
          (await send())
        const backlog = await readBacklog(read)
        if (taken === 0) return backlog
        done += taken
        onStep?.(done, backlog.pending)
      }
    },

    settleInbox: () => reconcile(),
    backlog: () => readBacklog(read),
    close: async () => void (await Promise.all([pool.end(), settle.end(), read.end()])),
  }
}

async function signingKeys(jwk: string): Promise<{ sign: CryptoKey; verify: CryptoKey }> {
  const { sign, verify } = await checkpointKeys(jwk)
  if (sign === undefined) throw new InvalidConfig('CHECKPOINT_KEY has no private part')
  return { sign, verify }
}
