import type { Config } from '../../reconciler/config.ts'
import { faultOf, type Log } from '../../reconciler/log.ts'
import { readReceived, subjectOf } from '../../reconciler/pull/pull.ts'
import { openQueue, type SettleQueue } from '../../reconciler/pull/queue.ts'
import { fetchPolicy, type PolicyReader, policyKey } from '../../reconciler/registry/policies.ts'
import { riskScorer } from '../../reconciler/settle/risk.ts'
import { type Edge, openEdge } from '../../reconciler/tell/edge.ts'
import { importHmacKey } from '../../src/crypto/hmac.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../../src/crypto/receipt-keys.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'
import { BookBroken } from './broken.ts'
import { knownDevice } from './findings.ts'
import { receive } from './inbox.ts'
import { type ModelLoop, startLoop } from './loop.ts'
import { announce, confirmable, nextTellMs } from './outbox.ts'
import { Life, type Moment } from './process.ts'
import { nextReconcileMs, reconcileOnce } from './reconcile.ts'
import type { ModelState } from './state.ts'
import { tellOnce } from './tell.ts'

export type ModelConfig = Pick<
  Config,
  'queue' | 'deadLetterQueueId' | 'queuePollMs' | 'edgeUrl' | 'hmacSecret' | 'edgeKeys' | 'wrappingSecret' | 'risk'
>

export interface ModelReconcilerOptions {
  readonly name: string
  readonly scheduler: Scheduler
  readonly random: Random
  /** Durable, and shared by the reconcilers of one book. */
  readonly state: ModelState
  readonly config: ModelConfig
  readonly fetch: typeof globalThis.fetch
  readonly log: Log
  /** The process's own clock, milliseconds; the world's when left out. */
  readonly clock?: () => number
  /** The settle queue, where its HTTP is left out (direct-queue.ts); else production's client on `fetch`. */
  readonly queue?: SettleQueue
  /** When the queue next has something to give; without it the queue is only asked every so often. */
  readonly queueNextMs?: (queueId: string) => number | undefined
  /** Whether the process dies here. Then it is dead until it is started again. */
  readonly dies?: (moment: Moment) => boolean
  /** The model itself is wrong, or was made to hold what no book may. */
  readonly broken: (error: BookBroken) => void
}

/** A reconciler on the model's book. From the outside it is the real one: it pulls, it tells. */
export interface ModelReconciler {
  /** Nothing happens when it runs. */
  start(): void
  /** At once: of what is under way nothing comes. */
  kill(): void
  readonly isRunning: boolean
}

/** Dead letters are rare, and late already. */
const DEAD_LETTERS_POLL_MS = 60_000

/**
 * @example
 * const reconciler = await openModelReconciler({ name: 'reconciler-1', scheduler, random, state, config, fetch, log, broken })
 * reconciler.start()
 */
export async function openModelReconciler(options: ModelReconcilerOptions): Promise<ModelReconciler> {
  const { scheduler, random, state, config, log, dies = () => false, broken } = options
  const clock = options.clock ?? (() => Math.floor(scheduler.nowMs))
  const keys = await localKeys(config.edgeKeys, config.wrappingSecret)
  const trusted = await trustedReceiptKeys(keys)
  const hmacKey = await importHmacKey(config.hmacSecret)
  const chance = () => random.next()
  let stop: (() => void) | undefined

  const kill = () => {
    stop?.()
    stop = undefined
  }

  const failed = (error: unknown) => {
    if (error instanceof BookBroken) broken(error)
    else log.error({ fault: faultOf(error) }, 'step failed')
  }

  const start = () => {
    if (stop !== undefined) return
    const life = new Life({ name: options.name, scheduler, random, state, dies, kill })
    const fetch: typeof globalThis.fetch = (url, init) => life.whileAlive(options.fetch(url, init))
    const edge = edgeOf(openEdge(config.edgeUrl, hmacKey, fetch, clock), life)
    const around = { fetch, clock, random: chance, log }
    const risk = riskScorer(config.risk, around, async (bundles) => {
      const ids = bundles.map(({ verified }) => verified.receipt.deviceId)
      return new Map(ids.flatMap((id) => entry(id, knownDevice(state, id, scheduler.nowMs))))
    })
    const policies = policyReader(state, edge, life, { trusted, log })
    const deps = { ...around, state, keys, trusted, policies, risk, life }
    const { queueNextMs } = options
    const nextOf = (id: string) => queueNextMs && (() => queueNextMs(id))
    const loops: ModelLoop[] = [
      pullLoop(
        options.queue ?? openQueue(config.queue, fetch),
        config.queuePollMs,
        { life, trusted, clock },
        nextOf(config.queue.id),
      ),
      { step: () => reconcileOnce(deps), nextMs: (nowMs) => nextReconcileMs(state, nowMs) },
      {
        step: () => tellOnce({ ...around, edge, commit: (step, work) => life.commit(step, work) }),
        nextMs: (nowMs) => nextTellMs(state, nowMs),
      },
    ]
    if (config.deadLetterQueueId !== undefined) {
      const letters = openQueue({ ...config.queue, id: config.deadLetterQueueId }, fetch)
      const { deadLetterQueueId: id } = config
      loops.push(pullLoop(letters, DEAD_LETTERS_POLL_MS, { life, trusted, clock }, nextOf(id)))
    }
    const stops = loops.map((loop) => startLoop(loop, { scheduler, state, clock, failed }))
    stop = () => {
      life.end()
      for (const end of stops) end()
    }
  }

  return {
    start,
    kill,
    get isRunning() {
      return stop !== undefined
    },
  }
}

const entry = <T>(key: string, value: T | undefined): [string, T][] => (value === undefined ? [] : [[key, value]])

interface PullDeps {
  readonly life: Life
  readonly trusted: readonly TrustedKey[]
  readonly clock: () => number
}

/** Settle queue → inbox: pull → write, together with the confirmation of what the edge has signed → acknowledge. */
function pullLoop(
  queue: SettleQueue,
  pollMs: number,
  { life, trusted, clock }: PullDeps,
  waitingMs?: () => number | undefined,
): ModelLoop {
  let pulledAtMs: number | undefined
  return {
    nextMs(nowMs) {
      const polledMs = pulledAtMs === undefined ? nowMs : Math.min(pulledAtMs, nowMs) + pollMs
      return waitingMs === undefined ? polledMs : waitingMs()
    },
    async step() {
      pulledAtMs = clock()
      const pulled = await life.call('pull', () => queue.pull())
      if (pulled.length === 0) return 0
      const messages = await Promise.all(pulled.map(({ body }) => readReceived(body, trusted)))
      await life.commit('receive', (state) => {
        receive(state.inbox, messages, clock())
        // What comes again after its confirmation was delivered shows that the edge does not know: it is told again.
        announce(state, confirmable(state, messages.flatMap(subjectOf)), clock())
      })
      await life.call('acknowledge', () => queue.acknowledge(pulled.map(({ leaseId }) => leaseId)))
      return pulled.length
    },
  }
}

const edgeOf = (edge: Edge, life: Life): Edge => ({
  confirm: (confirmations) => life.call('tell', () => edge.confirm(confirmations)),
  policy: (country, version) => life.call('ask for a policy', () => edge.policy(country, version)),
})

/** The book's, then the edge's: a version never changes, so the first that is written stays. */
function policyReader(
  state: ModelState,
  edge: Edge,
  life: Life,
  by: { readonly trusted: readonly TrustedKey[]; readonly log: Log },
): PolicyReader {
  return async (wanted) => {
    for (const { country, policyVersion: version } of wanted) {
      const key = policyKey(country, version)
      if (state.policies.has(key)) continue
      const policy = (await fetchPolicy({ edge, ...by }, { country, version }))?.policy
      // What the book's own rules refuse is not written, and its bundles wait.
      if (policy === undefined || !(policy.acceptBelowScore <= policy.quarantineAboveScore)) continue
      await life.commit('policy', ({ policies }) => void policies.set(key, policies.get(key) ?? policy))
    }
    return state.policies
  }
}
