import type { AllowanceState } from '../../../protocol/allowances.ts'
import { passIn } from '../../../protocol/pass.ts'
import type { SyncDeps } from '../sync/sync-deps.ts'
import { newestOf, signedUnder } from './allowance.ts'

/**
 * How the newest allowance of this phone stands: what the book said, as the last notice told it, and what this phone knows before that.
 *
 * - `unsent`: it is asked for, and the edge has not said that it has the order: the same amount may be asked for again
 * - `over`: nothing more is signed under it, because its time is over; what is left is still held
 * - `close_unsent`: nothing more is signed under it, and the edge may not know that: it may be closed again
 * - `uncounted`: it was asked for with a storage that is lost, so nothing is signed under it. What is left goes back by itself
 */
export interface HeldAllowance {
  readonly state: AllowanceState | 'unsent' | 'over' | 'close_unsent' | 'uncounted'
  /** All that is held, or was asked for; and of it what this phone has signed, or may have. Minor units. */
  readonly ceiling: number
  readonly used: number
  /** UTC milliseconds. Left out before it is opened. */
  readonly untilMs?: number
  /** Why it was refused. */
  readonly reason?: string
  /** Whether the pass names it. Until it does, no till is told `covered`: a sync brings one that does. */
  readonly isInPass: boolean
}

/** @returns undefined when none was ever asked for */
export async function heldAllowance({ device }: Pick<SyncDeps, 'device'>): Promise<HeldAllowance | undefined> {
  if (!device.hasState) return undefined
  return device.change(async () => {
    const newest = await newestOf(device.records)
    const { allowance: told } = device.state
    const no = Math.max(newest?.no ?? 0, told?.no ?? 0)
    if (no === 0) return undefined
    const isTold = told?.no === no
    const { ceiling = 0, state, untilMs, reason } = isTold ? told : { ceiling: newest?.ceiling, state: undefined }
    const own = newest?.no === no ? newest : undefined
    return {
      state: stateOf(state, own, untilMs !== undefined && device.clock.nowMs() > untilMs),
      ceiling,
      used: (await signedUnder(device.records, no)).spent,
      ...(untilMs !== undefined && { untilMs }),
      ...(reason !== undefined && { reason }),
      isInPass: passIn(device.state.pass)?.allowance?.no === no,
    }
  })
}

function stateOf(
  told: AllowanceState | undefined,
  own: { readonly isSent: boolean; readonly closing?: unknown } | undefined,
  isOver: boolean,
): HeldAllowance['state'] {
  if (told === undefined) return own?.isSent ? 'requested' : 'unsent'
  if (told !== 'open') return told
  if (own === undefined) return 'uncounted'
  if (own.closing !== undefined) return 'close_unsent'
  return isOver ? 'over' : 'open'
}
