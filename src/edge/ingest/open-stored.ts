import { openBundle } from '../../crypto/bundle-crypto.ts'
import { openAsEdge } from '../../crypto/sign1.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { parseBundle } from '../../protocol/bundle.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { prevOf } from '../../protocol/chain.ts'
import { ulidText } from '../../protocol/ids.ts'
import { parse } from '../../protocol/parse.ts'
import { type Payment, paymentsIn } from '../../protocol/payment.ts'
import { decodeReceipt, type Receipt } from '../../protocol/receipt.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { alarm } from '../metrics/alarm.ts'
import { type FoundOriginal, findOriginals, type Named } from './originals.ts'

/** A bundle as the read model has it. */
export interface ShownBundle extends Named {
  /** Its first half. */
  readonly digest: ArrayBuffer | Uint8Array
}

export const CONTENTS = ['verified', 'unopenable', 'not_verified', 'unavailable'] as const

/** The very bytes that the receipt is about. */
interface Verified {
  readonly bundle: Uint8Array
  readonly signedReceipt: Uint8Array
  readonly receipt: Receipt
}

/**
 * A bundle that was admitted, opened for people to decide about; its payments are stored nowhere in the clear.
 *
 * - `verified`: its bytes are those that the edge's receipt names, for this bundle of this device
 * - `unopenable`: so they are, and their recipient key is no longer in use
 * - `not_verified`: they are not, or no object has them; somebody else wrote this row, and nothing of it is shown
 * - `unavailable`: its object does not answer now
 */
export type Opened =
  | ({ readonly contents: 'verified'; readonly payments: readonly Payment[] } & Verified)
  | ({ readonly contents: 'unopenable'; readonly payments?: undefined } & Verified)
  | ({ readonly contents: 'not_verified' | 'unavailable' } & {
      readonly [Absent in keyof Verified | 'payments']?: undefined
    })

/** The device's signature was verified before there was a receipt, which the edge signed over the digest of these bytes. */
export async function openStored(
  env: Pick<Env, 'DB' | 'DEVICE'>,
  rows: readonly ShownBundle[],
): Promise<(row: ShownBundle) => Opened> {
  const originalOf = await findOriginals(env, rows)
  const opened = new Map(
    await Promise.all(rows.map(async (row) => [row, await open(env, row, originalOf(row))] as const)),
  )
  return (row) => opened.get(row) ?? { contents: 'not_verified' }
}

async function open(env: Pick<Env, 'DB'>, row: ShownBundle, original: FoundOriginal): Promise<Opened> {
  if (original === 'unavailable') return { contents: 'unavailable' }
  const verified = original === 'missing' ? undefined : await verify(env, row, original)
  if (verified === undefined) {
    const { deviceId, bundleId } = row
    alarm('bundle', 'the read model has a bundle that no receipt names', { deviceId, bundleId })
    return { contents: 'not_verified' }
  }
  const { parsed, ...shown } = verified
  const keys = await configOf(env).keys()
  const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), parsed)
  if (!opened.ok) return { contents: 'unopenable', ...shown }
  return { contents: 'verified', ...shown, payments: paymentsIn(opened.value) }
}

async function verify(env: Pick<Env, 'DB'>, row: ShownBundle, original: Exclude<FoundOriginal, string>) {
  const { bundle, receipt: signedReceipt } = original
  const parsed = parse(() => parseBundle(bundle))
  const trusted = await configOf(env).trusted()
  const payload = await openAsEdge(signedReceipt, trusted, 'molam-receipt-v1')
  const claimed = payload && parse(() => decodeReceipt(payload))
  if (!parsed.ok || !claimed?.ok) return undefined
  const { claims } = parsed.value
  const receipt = claimed.value
  const isRow =
    claims.deviceId === row.deviceId &&
    ulidText(claims.bundleId) === row.bundleId &&
    equalBytes(prevOf(receipt.digest), new Uint8Array(row.digest))
  const isNamed =
    receipt.deviceId === claims.deviceId &&
    receipt.seq === claims.seq &&
    equalBytes(receipt.bundleId, claims.bundleId) &&
    equalBytes(receipt.digest, await webCryptoSuite.sha256(parsed.value.payload))
  return isRow && isNamed ? { parsed: parsed.value, bundle, signedReceipt, receipt } : undefined
}

/** A payment without its parties. */
export function withoutParties({ type, method, amount, currency, initiatedAtMs }: Payment) {
  return { type, method, amount, currency, initiated_at: initiatedAtMs }
}
