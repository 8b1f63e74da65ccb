import type { NoticeParts } from '../../../durable-objects/device/notice.ts'
import type { KeyProvider } from '../../crypto/key-provider.ts'
import { signPass } from '../../crypto/pass.ts'
import { signAsEdge } from '../../crypto/sign1.ts'
import { Encoded } from '../../protocol/cbor.ts'
import type { DeniedPass } from '../../protocol/denied.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import { PASS_HOURS_MAX } from '../../protocol/limits.ts'
import { amountMinor } from '../../protocol/money.ts'
import { encodeNotice, type NoticeToSend } from '../../protocol/notice.ts'
import type { Policy } from '../../protocol/policy.ts'
import { HOUR_MS } from '../../protocol/time.ts'
import type { DeviceState } from './device-headers.ts'

/**
 * Makes the notice of an answer: what the object has to tell, and the policy and keys that the device lacks.
 *
 * @param answersNonce of the proof that asked for it
 */
export async function makeNotice(
  keys: KeyProvider,
  deviceId: DeviceId,
  parts: NoticeParts & { readonly denied: readonly DeniedPass[] },
  state: DeviceState,
  policy: Policy,
  nowMs: number,
  answersNonce?: Uint8Array,
): Promise<Uint8Array> {
  const [keySet, pass] = await Promise.all([keys.keySet(), passFor(keys, deviceId, parts, policy, nowMs)])
  const notice: NoticeToSend = {
    deviceId,
    serverTimeMs: nowMs,
    outcomes: new Encoded(parts.outcomes),
    cursor: parts.cursor,
    ...(policy.version > state.policyVersion && { policy }),
    ...(keySet.version > state.keysVersion && { keys: keySet }),
    ...(parts.missing.length > 0 && { missing: parts.missing }),
    ...(parts.device && { device: parts.device }),
    ...(parts.lastReceipt && { lastReceipt: parts.lastReceipt }),
    ...(parts.ownerWalletFault && { ownerWalletFault: parts.ownerWalletFault }),
    ...(parts.paysUntilMs !== undefined && { paysUntilMs: parts.paysUntilMs }),
    ...(pass && { pass }),
    ...(parts.denied.length > 0 && { denied: parts.denied }),
    ...(parts.next && { next: parts.next }),
    ...(answersNonce && { answersNonce }),
    ...(parts.claims.length > 0 && { claims: parts.claims }),
    ...(parts.mandated.length > 0 && { mandated: parts.mandated }),
    ...(parts.allowance && { allowance: parts.allowance }),
    ...(parts.debits.length > 0 && { debits: parts.debits }),
  }
  const { kid, signer } = await keys.receiptSigner(state.keysVersion)
  return signAsEdge(signer, kid, encodeNotice(notice), 'molam-notice-v1')
}

/** A pass begins with its whole second, lasts a week, and not beyond the consent that it rests on, nor what the ledger holds for it. */
async function passFor(
  keys: KeyProvider,
  deviceId: DeviceId,
  { pass }: Pick<NoticeParts, 'pass'>,
  { currency, maxOfflineAmount }: Policy,
  nowMs: number,
): Promise<Uint8Array | undefined> {
  if (pass === undefined) return undefined
  const fromMs = 1000 * Math.floor(nowMs / 1000)
  const { wallet, key, allowance } = pass
  const untilMs = Math.min(pass.untilMs, allowance?.untilMs ?? pass.untilMs)
  const hours = Math.min(PASS_HOURS_MAX, Math.floor((untilMs - fromMs) / HOUR_MS))
  if (hours < 1) return undefined
  const { kid, signer } = await keys.receiptSigner()
  const times = { fromMs, untilMs: fromMs + hours * HOUR_MS }
  return signPass(signer, kid, {
    wallet,
    deviceId,
    key,
    ...times,
    currency,
    paymentMax: amountMinor(maxOfflineAmount),
    level: 'none',
    ...(allowance && { allowance: { no: allowance.no, ceiling: amountMinor(allowance.ceiling) } }),
  })
}
