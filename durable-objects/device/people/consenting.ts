import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import { CONSENTS_MAX } from '../../../src/protocol/limits.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import type { ConsentRequest, HeldConsent } from '../consent.ts'
import type { Device } from '../device.ts'

/**
 * Consent that a device debits its owner's wallet: one person asks, another one confirms, any one withdraws. What is asked for
 * is one key, so that nobody confirms a key that was put in place of it meanwhile. Pure.
 */
/** How long a request waits for another person: who confirms later does not know any more what was asked. */
const REQUEST_MS = 7 * DAY_MS

export type ConsentRefusal = 'state_conflict' | 'already_voted' | 'temporarily_unavailable'

/** Whether this person may confirm this request now. */
export function mayConfirm(
  device: Pick<Device, 'status' | 'kid' | 'consentRequest' | 'consents' | 'rev' | 'recordedRev'>,
  id: string,
  actor: string,
  nowMs: number,
): Result<ConsentRequest, ConsentRefusal> {
  const { consentRequest: request, consents, rev, recordedRev } = device
  if (device.status === 'revoked' || request?.id !== id) return err('state_conflict')
  if (request.askedBy === actor) return err('already_voted')
  if (request.kid !== toHex(device.kid)) return err('state_conflict')
  if (nowMs > request.askedAtMs + REQUEST_MS || nowMs >= request.untilMs) return err('state_conflict')
  // The oldest is named no more, so the book must know it.
  if (consents.length >= CONSENTS_MAX && recordedRev < rev) return err('temporarily_unavailable')
  return ok(request)
}

/** A consent takes the place of one for the same key; the key before may still have signed what is on its way. */
export function withConsent(consents: readonly HeldConsent[], given: HeldConsent): readonly HeldConsent[] {
  const before = consents.map((one): HeldConsent => {
    const isReplaced = one.withdrawnAtMs === null && equalBytes(one.thumbprint, given.thumbprint)
    return isReplaced ? { ...one, withdrawnAtMs: given.givenAtMs, withdrawnBy: given.confirmedBy } : one
  })
  return [...before, given].slice(-CONSENTS_MAX)
}

/** All of them: whoever withdraws does not know which key somebody else may have. @returns undefined when there is nothing to withdraw */
export function withdrawn(
  { consents, consentRequest }: Pick<Device, 'consents' | 'consentRequest'>,
  actor: string,
  nowMs: number,
): readonly HeldConsent[] | undefined {
  if (consentRequest === null && consents.every(({ withdrawnAtMs }) => withdrawnAtMs !== null)) return undefined
  return consents.map((one) =>
    one.withdrawnAtMs === null ? { ...one, withdrawnAtMs: nowMs, withdrawnBy: actor } : one,
  )
}
