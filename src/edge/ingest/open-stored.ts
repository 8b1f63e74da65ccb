import { openBundle } from '../../crypto/bundle-crypto.ts'
import { openAsEdge } from '../../crypto/sign1.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { parseBundle } from '../../protocol/bundle.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { ulidText } from '../../protocol/ids.ts'
import { parse } from '../../protocol/parse.ts'
import { type Payment, paymentsIn } from '../../protocol/payment.ts'
import { decodeReceipt, type Receipt } from '../../protocol/receipt.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { alarm } from '../metrics/alarm.ts'

/** What the read model keeps of a bundle, and what it says that it is. */
export interface StoredBundle {
  readonly bundleId: string
  readonly deviceId: string
  readonly bundle: ArrayBuffer | Uint8Array
  readonly receipt: ArrayBuffer | Uint8Array
}

export const CONTENTS = ['verified', 'unopenable', 'not_verified'] as const

/**
 * A bundle that was admitted, opened for people to decide about; its payments are stored nowhere in the clear.
 *
 * - `verified`: its bytes are those that the edge's receipt names, for this bundle of this device
 * - `unopenable`: so they are, and their recipient key is no longer in use
 * - `not_verified`: they are not; somebody else wrote them, and nothing of them is shown
 */
export type Opened =
  | { readonly contents: 'verified'; readonly receipt: Receipt; readonly payments: readonly Payment[] }
  | { readonly contents: 'unopenable'; readonly receipt: Receipt; readonly payments?: undefined }
  | { readonly contents: 'not_verified'; readonly receipt?: undefined; readonly payments?: undefined }

/** The device's signature was verified before there was a receipt, which the edge signed over the digest of these bytes. */
export async function openStored(env: Pick<Env, 'DB'>, stored: StoredBundle): Promise<Opened> {
  const verified = await verify(env, stored)
  if (verified === undefined) {
    const { deviceId, bundleId } = stored
    alarm('bundle', 'the read model has a bundle that its receipt does not name', { deviceId, bundleId })
    return { contents: 'not_verified' }
  }
  const { bundle, receipt } = verified
  const keys = await configOf(env).keys()
  const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), bundle)
  if (!opened.ok) return { contents: 'unopenable', receipt }
  return { contents: 'verified', receipt, payments: paymentsIn(opened.value) }
}

async function verify(env: Pick<Env, 'DB'>, stored: StoredBundle) {
  const parsed = parse(() => parseBundle(new Uint8Array(stored.bundle)))
  const trusted = await configOf(env).trusted()
  const payload = await openAsEdge(new Uint8Array(stored.receipt), trusted, 'molam-receipt-v1')
  const claimed = payload && parse(() => decodeReceipt(payload))
  if (!parsed.ok || !claimed?.ok) return undefined
  const [bundle, receipt] = [parsed.value, claimed.value]
  const { deviceId, bundleId, seq } = bundle.claims
  const isRow = deviceId === stored.deviceId && ulidText(bundleId) === stored.bundleId
  const isNamed =
    receipt.deviceId === deviceId &&
    receipt.seq === seq &&
    equalBytes(receipt.bundleId, bundleId) &&
    equalBytes(receipt.digest, await webCryptoSuite.sha256(bundle.payload))
  return isRow && isNamed ? { bundle, receipt } : undefined
}

/** A payment without its parties. */
export function withoutParties({ type, method, amount, currency, initiatedAtMs }: Payment) {
  return { type, method, amount, currency, initiated_at: initiatedAtMs }
}
