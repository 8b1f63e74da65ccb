import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import type { ConsentGiver } from '../../../src/protocol/consent.ts'
import type { SignedConsentWord } from '../../../src/protocol/consent-word.ts'
import { CONSENT_DAYS_MAX, CONSENTS_MAX, KEY_ID_BYTES } from '../../../src/protocol/limits.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { type ConsentRequest, type HeldConsent, requestStands } from '../consent.ts'
import type { Device } from '../device.ts'

/**
 * Consent that a device debits its owner's wallet: one person asks, another one confirms, any one withdraws; or another device of
 * the wallet gives its word. Either is for one key, so that nobody consents to a key that was put in place of it meanwhile. Pure.
 */
export type ConsentRefusal = 'state_conflict' | 'already_voted' | 'temporarily_unavailable'

/** Whether this person may confirm this request now. */
export function mayConfirm(
  device: Pick<Device, 'status' | 'kid' | 'consentRequest' | 'consents' | 'rev' | 'recordedRev'>,
  id: string,
  actor: string,
  nowMs: number,
): Result<ConsentRequest, ConsentRefusal> {
  const { consentRequest: request, consents, rev, recordedRev } = device
  if (request?.id !== id) return err('state_conflict')
  if (request.askedBy === actor) return err('already_voted')
  if (!requestStands(request, device.status, toHex(device.kid), nowMs)) return err('state_conflict')
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

export type WordRefusal =
  | 'invalid_signature'
  | 'device_suspended'
  | 'device_revoked'
  | 'consent_required'
  | 'state_conflict'
  | 'rate_limited'
  | 'temporarily_unavailable'

/** What its object said of a giver: that it pays, until when, and when it was asked. */
export interface PayingGiver {
  readonly untilMs: number
  readonly atMs: number
}

type Asked = 'status' | 'kid' | 'deviceId' | 'ownerWallet'

/** How far the clock of a giver may be ahead. */
const AHEAD_MS = 10 * 60 * 1000

/** @returns the consent that this very word has given, and that is in force */
export function givenBy(
  consents: readonly HeldConsent[],
  { claims, word }: SignedConsentWord,
): HeldConsent | undefined {
  const kid = toHex(claims.kid)
  return consents.find(({ giver, thumbprint, withdrawnAtMs }) => {
    const isItsGiver = giver?.deviceId === claims.deviceId && giver.kid === kid && giver.madeAtMs === word.madeAtMs
    return isItsGiver && withdrawnAtMs === null && equalBytes(thumbprint, word.thumbprint)
  })
}

/**
 * Whether this device may have what another one's word gives. What was taken back stays so: a word gives nothing that was made
 * before the last withdrawal, or not after every word that came before it.
 *
 * @param giverUntilMs until when the giver pays itself: it gives for no longer
 * @returns until when it pays by it
 */
export function mayTakeWord(
  device: Pick<Device, Asked | 'consents' | 'withdrawnAtMs' | 'rev' | 'recordedRev'>,
  { word, claims }: SignedConsentWord,
  giverUntilMs: number,
  nowMs: number,
): Result<number, WordRefusal> {
  const { status, kid, deviceId, ownerWallet, consents, withdrawnAtMs: peoplesMs, rev, recordedRev } = device
  if (status !== 'active') return err(status === 'revoked' ? 'device_revoked' : 'device_suspended')
  const isForIt = word.deviceId === deviceId && word.wallet === ownerWallet && claims.deviceId !== deviceId
  if (!isForIt || !equalBytes(word.thumbprint.subarray(0, KEY_ID_BYTES), kid)) return err('invalid_signature')
  const lastMs = Math.max(
    peoplesMs,
    ...consents.map(({ withdrawnAtMs, giver }) => Math.max(withdrawnAtMs ?? 0, giver?.madeAtMs ?? 0)),
  )
  if (word.madeAtMs <= lastMs || word.madeAtMs > nowMs + AHEAD_MS) return err('state_conflict')
  const untilMs = Math.min(word.untilMs, giverUntilMs, nowMs + CONSENT_DAYS_MAX * DAY_MS)
  if (untilMs <= nowMs) return err('consent_required')
  // The oldest is named no more, so the book must know it.
  if (consents.length >= CONSENTS_MAX && recordedRev < rev) return err('temporarily_unavailable')
  return ok(untilMs)
}

/** @returns undefined when none of them has given what is still in force */
export function withoutWordsOf(
  consents: readonly HeldConsent[],
  givers: readonly ConsentGiver[],
  nowMs: number,
): readonly HeldConsent[] | undefined {
  const isLost = ({ giver, withdrawnAtMs }: HeldConsent) =>
    withdrawnAtMs === null && givers.some(({ deviceId, kid }) => giver?.deviceId === deviceId && giver.kid === kid)
  if (!consents.some(isLost)) return undefined
  return consents.map((one) => (isLost(one) ? { ...one, withdrawnAtMs: nowMs, withdrawnBy: one.confirmedBy } : one))
}
