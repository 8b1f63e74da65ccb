import { MANDATE_DAYS_MAX } from '../../protocol/limits.ts'
import { encodeMandate, isWithinPolicy } from '../../protocol/mandates.ts'
import { DAY_MS } from '../../protocol/time.ts'
import { OfflineError } from './errors.ts'
import { signHoldersWord } from './holders-word.ts'
import type { SyncDeps } from './sync/sync-deps.ts'

/** What others may take out of this device's wallet without asking its holder each time. */
export interface MandateTerms {
  /**
   * Of one payment, and of a day over all tills; minor units, at most `mandatePaymentMax` and `mandateDayMax` of the country's
   * policy. 0 ends what was given before.
   */
  readonly paymentMax: number
  readonly dayMax: number
  /** From when on it gives nothing, UTC milliseconds; at most a year from now. */
  readonly untilMs: number
}

/** Signs the holder's mandate and brings it to the edge. */
export async function giveMandate(deps: SyncDeps, { paymentMax, dayMax, untilMs }: MandateTerms): Promise<void> {
  const { device, transport } = deps
  const nowMs = device.clock.nowMs()
  const areAmounts = [paymentMax, dayMax].every((value) => Number.isSafeInteger(value) && value >= 0)
  const isTimely = Number.isSafeInteger(untilMs) && untilMs > 0 && untilMs <= nowMs + MANDATE_DAYS_MAX * DAY_MS
  if (!areAmounts || paymentMax > dayMax || !isTimely) throw new RangeError('not the terms of a mandate')
  const { ownerWallet: wallet, policy } = device.state
  if (!isWithinPolicy({ paymentMax, dayMax }, policy)) throw new OfflineError('mandate_above_policy')
  const send = async () => {
    // The time as its number: it grows from one mandate to the next, and needs nothing kept.
    const no = device.clock.signingMs()
    const payload = encodeMandate({ wallet, currency: policy.currency, paymentMax, dayMax, untilMs, no })
    return transport.postJson('/offline/mandates', {
      mandate: await signHoldersWord(deps, payload, 'molam-mandate-v1'),
    })
  }
  let answer = await send()
  // A clock that is ahead must not use up the numbers until then.
  if (answer.kind === 'problem' && answer.serverTimeMs !== undefined) {
    if (device.clock.learnForSigning(answer.serverTimeMs)) answer = await send()
  }
  if (answer.kind !== 'ok') throw new OfflineError(answer.code)
}
