import { COUNTER_MAX } from '../../protocol/limits.ts'
import { OfflineError } from './errors.ts'
import { type PaymentTerms, paymentOf, type RefundTerms } from './payment-terms.ts'
import type { OfflineStatus } from './sdk-state.ts'
import { judgeBeforeTaking } from './store/allowance.ts'
import type { Entry } from './store/entry.ts'
import type { LocalDevice } from './store/local-device.ts'
import { assertRefundable } from './store/refunded.ts'
import type { SyncReport } from './sync/sync.ts'
import type { Timers } from './sync/transport.ts'

/** Milliseconds that a payment waits for its turn to be written: the payer stands at the counter. */
const TURN_WITHIN_MS = 15_000

/** The part of `AbortSignal` that is used. */
export interface GivingUp {
  readonly aborted: boolean
  addEventListener(type: 'abort', heard: () => void): void
}

export interface TakeOptions {
  readonly timers: Timers
  readonly givingUp?: GivingUp | undefined
  /** Finds the payment that these terms were taken as before: it is given again. */
  readonly before?: ((entries: readonly Entry[]) => Entry | undefined) | undefined
}

/**
 * Takes a payment to disk. Time, limits and counter are those of the moment at which nothing else can change them. One that
 * was given up, or whose turn did not come, is not taken later either: whoever paid may have left.
 *
 * @throws OfflineError with money `not_taken`
 */
export async function take(
  device: LocalDevice,
  terms: PaymentTerms | RefundTerms,
  status: () => OfflineStatus,
  { timers, givingUp, before }: TakeOptions,
): Promise<Entry> {
  const turn = new Turn()
  const timer = timers.set(() => turn.giveUp(), TURN_WITHIN_MS)
  givingUp?.addEventListener('abort', () => turn.giveUp())
  if (givingUp?.aborted) turn.giveUp()
  try {
    const taking = device.change(async () => {
      const { journal } = device
      const taken = before?.(journal.entries)
      if (taken !== undefined) return taken
      assertCanTake(device, status())
      const { state, clock } = device
      if (journal.nextCounter > COUNTER_MAX) throw new OfflineError('numbers_used_up')
      const taker = { takerId: device.deviceId, country: state.policy.country }
      const draft = paymentOf(terms, journal.nextCounter, clock.nowMs(), taker)
      assertRefundable(draft, journal.entries)
      const expected = judgeBeforeTaking(draft, journal.entries, state, device.deviceId)
      const begin = async () => turn.begin()
      const entry = await journal.take((counter) => ({ ...draft, counter }), expected, state.policy.version, begin)
      clock.paymentTaken(draft.initiatedAtMs)
      return entry
    })
    return await Promise.race([taking, turn.givenUp])
  } catch (error) {
    // What fails before the payment's own write, such as reading what another context wrote, is about others' money.
    if (!(error instanceof OfflineError) || error.money === 'not_taken') throw error
    throw new OfflineError(error.code, { money: 'not_taken', cause: error })
  } finally {
    timers.clear(timer)
  }
}

/** Either the payment's write begins, or the payment is given up: never both. */
class Turn {
  #stage: 'waiting' | 'begun' | 'given_up' = 'waiting'
  #reject: (error: OfflineError) => void = () => undefined
  /** Rejects when it was given up before its write began; after that, only the write itself tells. */
  readonly givenUp = new Promise<never>((_, reject) => {
    this.#reject = reject
  })

  /** @throws OfflineError `abandoned` */
  begin(): void {
    if (this.#stage === 'given_up') throw new OfflineError('abandoned')
    this.#stage = 'begun'
  }

  giveUp(): void {
    if (this.#stage !== 'waiting') return
    this.#stage = 'given_up'
    this.#reject(new OfflineError('abandoned'))
  }
}

/** A payment that the device could never send is not taken. */
function assertCanTake(device: LocalDevice, status: OfflineStatus): void {
  if (status.status === 'destroyed') throw new OfflineError('destroyed')
  if (status.status === 'blocked') {
    throw new OfflineError('device_blocked', { detail: status.error.code, cause: status.error })
  }
  if (status.status === 'created' || !device.hasState) throw new OfflineError('not_ready')
}

export interface Reach {
  readonly timers: Timers
  readonly withinMs: number
  /** Shares a run that is going on. */
  readonly sync: () => Promise<SyncReport>
}

/**
 * Asks the edge for an answer that verifies, with everything sent that waited before.
 *
 * @throws OfflineError `online_required`
 */
export async function requireContact(reach: Reach): Promise<void> {
  const report = await within(reach, reach.sync())
  if (report?.status === 'done') return
  throw new OfflineError('online_required', report?.error && { detail: report.error.code, cause: report.error })
}

/** Pushes until the edge's receipt for this payment is verified, for as long as a payer waits. @returns whether it is */
export async function pushNow(reach: Reach, isAdmitted: () => boolean): Promise<boolean> {
  const pushing = async () => {
    // A run that was already at its end may have missed this payment: the next one does not.
    for (let run = 0; run < 2 && !isAdmitted(); run++) if ((await reach.sync()).status !== 'done') return
  }
  await within(reach, pushing())
  return isAdmitted()
}

/**
 * No receipt came in time for a payment that must not be taken offline. One that never left the device is voided.
 *
 * @throws OfflineError `online_required`, once the void is on disk
 */
export async function voidUnlessSent(device: LocalDevice, counter: number): Promise<void> {
  try {
    await device.change(() => device.journal.byHand.void(counter, device.voidFrom))
  } catch (error) {
    // It may have left, or the void is not on disk: the payment stands, and the caller is told so.
    if (error instanceof OfflineError) return
    throw error
  }
  throw new OfflineError('online_required')
}

/** @returns undefined after the deadline; what was begun goes on */
async function within<T>({ timers, withinMs }: Reach, task: Promise<T>): Promise<T | undefined> {
  let timer: unknown
  const deadline = new Promise<undefined>((resolve) => {
    timer = timers.set(() => resolve(undefined), withinMs)
  })
  try {
    // A store that cannot be read is no contact; the run itself has told of it.
    return await Promise.race([task.catch(() => undefined), deadline])
  } finally {
    timers.clear(timer)
  }
}
