import { type Claim, type ClaimChoice, encodeClaimAnswer } from '../../protocol/claims.ts'
import { localId } from '../../protocol/ids.ts'
import { OfflineError } from './errors.ts'
import { signHoldersWord } from './holders-word.ts'
import type { SyncDeps } from './sync/sync-deps.ts'
import { type TakenByOthers, takenByOthers } from './taken-by-others.ts'

/**
 * A payment out of this device's wallet without its holder's word. Nothing moves before the holder has confirmed it; a claim that
 * is refused, or not answered in time, is not paid.
 */
export interface OpenClaim extends TakenByOthers {
  /** Until when it can be answered, UTC milliseconds. */
  readonly openUntilMs: number
}

const idOf = ({ takerId, counter }: Claim) => localId(takerId, counter)

/** What the last verified notice says is open, and is not over by now. */
export function openClaims({ device }: Pick<SyncDeps, 'device'>): readonly OpenClaim[] {
  if (!device.hasState) return []
  const nowMs = device.clock.nowMs()
  return (device.state.claims ?? [])
    .filter(({ openUntilMs }) => openUntilMs > nowMs)
    .map(({ contentHash: _, ...shown }) => takenByOthers(shown))
}

/**
 * Signs the holder's answer and brings it to the edge. What is signed is the payment as it was shown.
 *
 * @throws OfflineError `no_such_claim`; `network_failed`, `timed_out` and what else keeps it from the edge: the same answer
 * may be given again; `state_conflict`: the other answer was given before, and stands
 */
export async function answerClaim(deps: SyncDeps, id: string, choice: ClaimChoice): Promise<void> {
  const { device, transport } = deps
  const claim = device.hasState ? device.state.claims?.find((one) => idOf(one) === id) : undefined
  if (claim === undefined) throw new OfflineError('no_such_claim')
  const payload = encodeClaimAnswer({ ...claim, choice, answeredAtMs: device.clock.nowMs() })
  const signed = await signHoldersWord(deps, payload, 'molam-claim-answer-v1')
  const answer = await transport.postJson('/offline/claims/answer', { answer: signed })
  if (answer.kind !== 'ok' && answer.code !== 'state_conflict') throw new OfflineError(answer.code)
  // Nobody has signed that it was kept: the next notice says what is open then.
  await device.change(async () => {
    const claims = device.state.claims?.filter((one) => idOf(one) !== id) ?? []
    return device.replace({ ...device.state, claims })
  })
  if (answer.kind !== 'ok') throw new OfflineError(answer.code)
}
