import type { AdmitAnswer, AdmitRefusal, AdmitRequest } from '../../../durable-objects/device/admit-request.ts'
import { openBundle } from '../../crypto/bundle-crypto.ts'
import type { KeyProvider } from '../../crypto/key-provider.ts'
import type { TrustedKey } from '../../crypto/sign1.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import type { BundleHeader } from '../../protocol/bundle.ts'
import { type DeviceId, ulidText } from '../../protocol/ids.ts'
import type { BundlePayload } from '../../protocol/payload.ts'
import { isInvalid, paymentsIn } from '../../protocol/payment.ts'
import type { Country } from '../../protocol/policy.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { DAY_MS } from '../../protocol/time.ts'
import type { RemoteScorer } from '../../risk/remote-scorer.ts'
import type { BundleFacts } from '../../risk/sira-request.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import { signedNow } from './clock.ts'
import { deniedSince } from './denied-passes.ts'
import { readDeviceHeaders } from './device-headers.ts'
import { readEnvelope } from './envelope.ts'
import { placeOf } from './place.ts'
import { policyFor } from './policy-cache.ts'
import { RATE_POLICIES } from './rate-policy.ts'
import type { Refusal } from './refusal.ts'
import { disprovenPayments } from './second-signatures.ts'
import { type SettleSender, sendToSettle } from './settle-sender.ts'
import { makeNotice } from './sign-notice.ts'
import { signedBy } from './signed-by.ts'
import { withinSignedQuota } from './signed-quota.ts'

/**
 * A push, cheapest check first (docs/protocol.md §7.1):
 *
 *   1–2 envelope → 3 device, key, signature → 4 standing → 5 clock → 6 rate → 7 open → 8–11 the Device Object admits
 *   → notice → answer
 *
 * Nothing is written before the signature holds; nothing secret is touched before that either. Whatever fails on the
 * way leaves either nothing behind, or an admitted bundle whose receipt the next push of it brings.
 */
export interface PushDeps {
  readonly env: Env
  readonly keys: KeyProvider
  /** The edge's own receipt keys: passes are signed by them. */
  readonly trusted: () => Promise<readonly TrustedKey[]>
  readonly nowMs: () => number
  readonly requestId: string
  readonly scorer: RemoteScorer
  readonly settle: SettleSender
  /** Told as soon as the signature holds. */
  readonly onVerified: (deviceId: DeviceId) => void
}

export interface PushAnswer {
  readonly receipt: Uint8Array
  readonly notice: Uint8Array
}

export async function push(request: Request, deps: PushDeps): Promise<Result<PushAnswer, Refusal>> {
  const { env, keys, requestId } = deps
  const state = readDeviceHeaders(request.headers)
  if (!state.ok) return state
  const envelope = await readEnvelope(request)
  if (!envelope.ok) return envelope
  const { encoded, bundle } = envelope.value
  const { claims } = bundle

  const device = await signedBy(env, bundle, '', deps.nowMs())
  if (device === undefined) return err({ code: 'invalid_signature' })
  deps.onVerified(claims.deviceId)

  if (device.status !== 'active') return err({ code: `device_${device.status}` })
  const nowMs = deps.nowMs()
  const policy = await policyFor(env, device.country, device.policy, nowMs)
  if (!signedNow(claims, policy, nowMs)) return err({ code: 'clock_skew', serverTimeMs: nowMs })
  const within = await withinSignedQuota(env, claims.deviceId, claims.relay ? 'relay' : 'push', bundle, nowMs)
  if (!within.ok) return within

  const object = deviceStub(env, claims.deviceId)
  const { cursor, carrier, wantsPass } = state.value
  const digest = await webCryptoSuite.sha256(bundle.payload)
  const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), bundle)
  let answer: AdmitAnswer
  if (opened.ok) {
    warnOfInvalid(claims, opened.value, requestId)
    const taker = { deviceId: claims.deviceId, tenant: device.tenant, ownerWallet: device.ownerWallet }
    const [remote, refuted] = await Promise.all([
      deps.scorer.scoreBundle(factsFor(claims, opened.value, device.country), requestId),
      disprovenPayments(env, taker, paymentsIn(opened.value), await deps.trusted(), nowMs),
    ])
    // The object has the policy that it was last judged by.
    const newer = policy.version > device.policy.version ? policy : undefined
    const known = { claims, digest, bundle: encoded, payload: opened.value, policy: newer, ...refuted }
    const admit: AdmitRequest = { ...known, remote, cursor, wantsPass, carrier, requestId, from: placeOf(request) }
    const admitted = await object.admit(admit)
    if (!admitted.ok) return err(admissionRefusal(admitted.error, deps.nowMs()))
    answer = admitted.value
    if (answer.kind === 'admitted') {
      const { receipt } = answer
      sendToSettle(deps.settle, { kind: 'bundle', deviceId: claims.deviceId, bundle: encoded, receipt })
    }
  } else {
    // It may have been admitted while its key was still in use, and the receipt lost: then this is a repeat, and telling
    // the device to rebuild would make it seal the same payments twice.
    const found = await object.findReceipt({ claims, digest, cursor, wantsPass })
    if (!found.ok) return err(found.error === 'not_found' ? opened.error : { code: found.error })
    answer = found.value
  }
  // Whoever carries a relay bundle is told nothing of its device.
  const denied = claims.relay ? [] : await deniedSince(env, device.country, state.value.deniedVersion, nowMs)
  const notice = await makeNotice(
    keys,
    claims.deviceId,
    { ...answer.notice, denied },
    state.value,
    policy,
    deps.nowMs(),
  )
  return ok({ receipt: answer.receipt, notice })
}

function admissionRefusal(code: AdmitRefusal, nowMs: number): Refusal {
  if (code === 'temporarily_unavailable') return { code, retryAfterS: 5 }
  return code === 'rate_limited' ? noRoom(nowMs) : { code }
}

/** There is room again when the next day begins: the bundle stays where it is until then. */
function noRoom(nowMs: number): Refusal {
  const retryAfterS = Math.ceil((DAY_MS - (nowMs % DAY_MS)) / 1000)
  return { code: 'rate_limited', retryAfterS, rate: RATE_POLICIES.storage }
}

/** A refusal of a single payment has no room for the field, and whoever writes the client has to find it. */
function warnOfInvalid({ deviceId, bundleId }: BundleHeader, { entries }: BundlePayload, requestId: string): void {
  const faults = entries.filter(isInvalid).map(({ counter, fault }) => `${counter}: ${fault}`)
  if (faults.length > 0) logger.warn('invalid payments', { deviceId, bundleId: ulidText(bundleId), requestId, faults })
}

/** What the remote scorer is told: the payments that were not voided. */
function factsFor(claims: BundleHeader, payload: BundlePayload, country: Country): BundleFacts {
  const { deviceId, bundleId, seq, signedAtMs, relay } = claims
  const { countedMs } = payload
  const payments = paymentsIn(payload)
  const facts = { deviceId, country, bundleId: ulidText(bundleId), seq, signedAtMs, relay, payments }
  return countedMs === undefined ? facts : { ...facts, countedMs }
}
