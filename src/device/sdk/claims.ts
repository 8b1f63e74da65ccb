import { signSign1 } from '../../crypto/sign1.ts'
import { toBase64url } from '../../protocol/bytes.ts'
import { type Claim, type ClaimChoice, encodeClaimAnswer } from '../../protocol/claims.ts'
import { localId } from '../../protocol/ids.ts'
import { encodePayerHeader } from '../../protocol/payer-header.ts'
import type { PaymentType } from '../../protocol/payment.ts'
import { OfflineError } from './errors.ts'
import { loadSigner, type SyncDeps, signing } from './sync/sync-deps.ts'

/**
 * A payment that somebody else's device took out of this device's wallet without the holder's word. Nothing moves before the
 * holder has confirmed it; one that is refused, or not answered in time, is not paid.
 */
export interface OpenClaim {
  /** `POS-001/42`: the payment's name everywhere. */
  readonly localId: string
  readonly type: PaymentType
  /** Minor units. */
  readonly amount: number
  readonly currency: string
  /** The wallet that asks for the money. */
  readonly receiver: string
  /** UTC milliseconds, by the clock of the device that took it. */
  readonly initiatedAtMs: number
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
    .map(({ takerId, counter, contentHash: _, ...shown }) => ({ localId: localId(takerId, counter), ...shown }))
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
  const loaded = await loadSigner(deps)
  if (!loaded.ok) throw loaded.error.error
  const { signer, kid } = loaded.value
  const header = encodePayerHeader({ alg: signer.key.alg, kid, deviceId: device.deviceId })
  const payload = encodeClaimAnswer({ ...claim, choice, answeredAtMs: device.clock.nowMs() })
  const signed = await signing(() => signSign1(signer, header, payload, 'molam-claim-answer-v1'))
  if (!signed.ok) throw signed.error.error
  const answer = await transport.postJson('/offline/claims/answer', { answer: toBase64url(signed.value) })
  if (answer.kind !== 'ok' && answer.code !== 'state_conflict') throw new OfflineError(answer.code)
  // Nobody has signed that it was kept: the next notice says what is open then.
  await device.change(async () => {
    const claims = device.state.claims?.filter((one) => idOf(one) !== id) ?? []
    return device.replace({ ...device.state, claims })
  })
  if (answer.kind !== 'ok') throw new OfflineError(answer.code)
}
