import type { NextNumbers } from '../../../protocol/notice.ts'
import { ok, type Result } from '../../../protocol/result.ts'
import { HOUR_MS } from '../../../protocol/time.ts'
import { OfflineError } from '../errors.ts'
import type { LocalDevice } from '../store/local-device.ts'
import { prune } from '../store/retention.ts'
import { nextBundle } from './assemble.ts'
import { bootstrap } from './bootstrap.ts'
import { resolveChain } from './chain.ts'
import { edgeKeys } from './edge-keys.ts'
import { applyNotice, fetchNotice, isFull } from './notices.ts'
import { pushBundle } from './push.ts'
import { type Failure, fail, type SyncDeps } from './sync-deps.ts'

/** How a sync went. No network is a normal day: it is reported, not thrown. */
export interface SyncReport {
  /**
   * - `done`: all that waited is acknowledged, and all news is here
   * - `retry_later`: what is left is safe on the device; the next sync goes on
   * - `stopped`: as before, and trying again soon would change nothing: see `error.next`
   */
  readonly status: 'done' | 'retry_later' | 'stopped'
  /** Bundles whose admission was verified. */
  readonly bundles: number
  /** Payments that had news: an outcome from the ledger or a reviewer. */
  readonly outcomes: number
  /** Payments that are not acknowledged yet; `unknown` where the device's state cannot be read. */
  readonly unsynced: number | 'unknown'
  readonly error?: OfflineError
  /** What the server asked to wait, milliseconds. */
  readonly retryAfterMs?: number
}

export interface SyncRunOptions {
  /** A person asked: what is parked is tried again. */
  readonly explicit: boolean
  readonly historyMs: number
}

/** A parked bundle is tried again by itself this long after the last time: suspensions end, servers are repaired. */
export const PARKED_RETRY_MS = HOUR_MS

interface Tally {
  bundles: number
  outcomes: number
}

/**
 * One sync: first contact if there was none → what became of a bundle in doubt → bundles until nothing waits → what the
 * device missed → what the edge has lost → removal of what is long done.
 */
export async function runSync(deps: SyncDeps, options: SyncRunOptions): Promise<SyncReport> {
  const tally: Tally = { bundles: 0, outcomes: 0 }
  deps.acknowledged.clear()
  const result = await steps(deps, options, tally).catch((error: unknown): Result<void, Failure> => {
    if (error instanceof OfflineError) return { ok: false, error: { error, stop: false } }
    throw error
  })
  // Other contexts may have taken payments meanwhile.
  await deps.device.change(async () => undefined).catch(() => undefined)
  const { unsynced } = deps.device
  if (result.ok) return { status: 'done', ...tally, unsynced }
  const { error, stop, retryAfterMs } = result.error
  const status = stop ? 'stopped' : 'retry_later'
  return { status, ...tally, unsynced, error, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

async function steps(deps: SyncDeps, options: SyncRunOptions, tally: Tally): Promise<Result<void, Failure>> {
  const { device } = deps
  const pruned = async <T>(result: T): Promise<T> => {
    await prune(device, options.historyMs)
    return result
  }
  let upToDate = false
  if (!device.hasState) {
    const begun = await bootstrap(deps)
    if (!begun.ok) return begun
    // Outcomes of payments found on disk do not come with the device facts.
    upToDate = device.journal.entries.length === 0
  }
  if (device.chainInDoubt || (isForked(device) && !rests(device, options))) {
    const resolved = await resolveChain(deps)
    if (!resolved.ok) {
      // A history that is not ours keeps payments back, not the news of those that it has.
      if (resolved.error.stop) await catchUp(deps, tally)
      return resolved
    }
  }
  const pushed = await pushAll(deps, options, tally, upToDate)
  // What is stopped holds back later payments, not the news of earlier ones.
  if (!pushed.ok && !pushed.error.stop) return pushed
  const caughtUp = pushed.ok && pushed.value ? ok(undefined) : await catchUp(deps, tally)
  if (!pushed.ok) return pruned(pushed)
  if (!caughtUp.ok) return pruned(caughtUp)
  if (caughtUp.value && isBehind(device, caughtUp.value)) {
    const resolved = await resolveChain(deps)
    if (!resolved.ok) return resolved
  }
  // The edge has said what it lost.
  const backfilled = device.unsent.length > 0 ? await pushAll(deps, options, tally, true) : pushed
  return pruned(backfilled.ok ? ok(undefined) : backfilled)
}

/** Sent once more, a fork would suspend the device once more: the edge's head tells first whose history it is. */
const isForked = ({ outgoing }: LocalDevice): boolean => outgoing?.parked?.code === 'chain_fork'

/** Whether the bundle in flight is parked, and it is not yet time to try it again. */
function rests({ outgoing, clock }: LocalDevice, { explicit }: SyncRunOptions): boolean {
  const parked = outgoing?.parked
  return parked !== undefined && !explicit && clock.nowMs() - parked.atMs < PARKED_RETRY_MS
}

/** @returns whether the last answer brought all the news there is */
async function pushAll(
  deps: SyncDeps,
  options: SyncRunOptions,
  tally: Tally,
  isUpToDate: boolean,
): Promise<Result<boolean, Failure>> {
  const { device } = deps
  let upToDate = isUpToDate
  let sent = 0
  const tell = () => {
    const waiting = device.unsent.length
    if (sent + waiting > 0) deps.progress({ sent, total: sent + waiting })
  }
  tell()
  for (;;) {
    const bundle = await nextBundle(deps)
    if (bundle === undefined) return ok(upToDate && !device.journal.outcomeLost)
    if (bundle.parked && rests(device, options)) return fail(bundle.parked.code, { stop: true })
    const pushed = await pushBundle(deps)
    if (!pushed.ok) return pushed
    const { notice, news } = pushed.value
    tally.bundles++
    tally.outcomes += news
    sent += bundle.lastCounter - bundle.firstCounter + 1
    tell()
    upToDate = notice !== undefined && !isFull(notice)
  }
}

/** Whether the edge has bundles of this device that it does not know: it is a copy, or its store was set back. */
const isBehind = ({ state, outgoing }: LocalDevice, { nextSeq }: NextNumbers): boolean =>
  nextSeq - 1 > (outgoing?.seq ?? state.seq)

/**
 * Fetches notices until one is not full.
 *
 * @returns the numbers that the edge expects next
 */
async function catchUp(deps: SyncDeps, tally: Tally): Promise<Result<NextNumbers | undefined, Failure>> {
  const { device } = deps
  // All outcomes come again when one of them could not be read from the store.
  const replay = device.journal.outcomeLost
  let next: NextNumbers | undefined
  for (let cursor = replay ? 0 : device.state.cursor; ; ) {
    const received = await fetchNotice(deps, edgeKeys(deps), cursor)
    if (!received.ok) return received
    tally.outcomes += await applyNotice(deps, received.value)
    const { notice } = received.value
    next = notice.next
    // An edge whose cursor does not move has nothing more to say, whatever it sends.
    if (!isFull(notice) || notice.cursor <= cursor) break
    cursor = notice.cursor
  }
  if (replay) device.journal.outcomesReplayed()
  return ok(next)
}
