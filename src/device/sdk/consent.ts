import { signSign1 } from '../../crypto/sign1.ts'
import { thumbprint } from '../../crypto/thumbprint.ts'
import { equalBytes, toBase64url } from '../../protocol/bytes.ts'
import {
  type ConsentRequest,
  decodeConsentRequest,
  encodeConsentRequest,
  encodeConsentWord,
  encodeConsentWordHeader,
  parseConsentWord,
} from '../../protocol/consent-word.ts'
import { KEY_ID_BYTES } from '../../protocol/limits.ts'
import { parse } from '../../protocol/parse.ts'
import { DAY_MS } from '../../protocol/time.ts'
import { OfflineError } from './errors.ts'
import { provenCall } from './proven-call.ts'
import { loadSigner, type SyncDeps, signing } from './sync/sync-deps.ts'

/** Another device of the same wallet's holder, as the person who consents is shown it. */
export type AskingDevice = Pick<ConsentRequest, 'deviceId' | 'wallet'>

const PATH = '/offline/consents'
/** A year at the most, and room for clocks that differ. */
const DAYS = 365

/** @returns which device asks; undefined when the bytes are no request */
export function readConsentRequest(request: Uint8Array): AskingDevice | undefined {
  const read = parse(() => decodeConsentRequest(request))
  return read.ok ? { deviceId: read.value.deviceId, wallet: read.value.wallet } : undefined
}

/** @throws OfflineError `not_ready`, `key_missing`, `key_locked`, `key_mismatch` */
export async function consentRequest(deps: SyncDeps): Promise<Uint8Array> {
  const { device, suite } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const loaded = await loadSigner(deps)
  if (!loaded.ok) throw loaded.error.error
  const own = await thumbprint(suite, loaded.value.signer.key)
  return encodeConsentRequest({ wallet: device.state.ownerWallet, deviceId: device.deviceId, thumbprint: own })
}

/** @throws OfflineError `not_ready`, `consent_required`, `consent_invalid`, `key_missing`, `key_locked`, `key_mismatch` */
export async function consentTo(deps: SyncDeps, request: Uint8Array, validDays = DAYS): Promise<Uint8Array> {
  const { device } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const nowMs = device.clock.nowMs()
  const { paysUntilMs, ownerWallet } = device.state
  if (paysUntilMs === undefined || paysUntilMs <= nowMs) throw new OfflineError('consent_required')
  const asked = parse(() => decodeConsentRequest(request))
  // Whoever shows a request for another wallet would get nothing by it, and this person would not know what it was.
  if (!asked.ok || asked.value.wallet !== ownerWallet || asked.value.deviceId === device.deviceId) {
    throw new OfflineError('consent_invalid')
  }
  const untilMs = Math.min(paysUntilMs, nowMs + Math.min(validDays, DAYS) * DAY_MS)
  const loaded = await loadSigner(deps)
  if (!loaded.ok) throw loaded.error.error
  const { signer, kid } = loaded.value
  const header = encodeConsentWordHeader({ alg: signer.key.alg, kid, deviceId: device.deviceId })
  const payload = encodeConsentWord({ ...asked.value, madeAtMs: nowMs, untilMs })
  const signed = await signing(() => signSign1(signer, header, payload, 'molam-wallet-consent-v1'))
  if (!signed.ok) throw signed.error.error
  return signed.value
}

/** @throws OfflineError `not_ready`, `consent_invalid`, and what keeps it from the edge: the same word may be brought again */
export async function useConsent(deps: SyncDeps, encoded: Uint8Array): Promise<void> {
  const { device } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const read = parse(() => parseConsentWord(encoded))
  const word = read.ok ? read.value.word : undefined
  const isOwn = word?.deviceId === device.deviceId && word.wallet === device.state.ownerWallet
  if (!isOwn || !equalBytes(word.thumbprint.subarray(0, KEY_ID_BYTES), device.state.kid)) {
    throw new OfflineError('consent_invalid')
  }
  await provenCall(deps, PATH, { consent: toBase64url(encoded) })
}
