import { openBundle } from '../../crypto/bundle-crypto.ts'
import type { KeyProvider } from '../../crypto/key-provider.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { parseBundle } from '../../protocol/bundle.ts'
import { type Payment, paymentsIn } from '../../protocol/payment.ts'

/**
 * Payments of a bundle that was admitted, opened for people to decide about; they are stored nowhere in the clear.
 *
 * @returns undefined when its recipient key is no longer in use
 */
export async function openStored(bundle: ArrayBuffer | Uint8Array, keys: KeyProvider) {
  const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), parseBundle(new Uint8Array(bundle)))
  if (!opened.ok) return undefined
  return paymentsIn(opened.value)
}

/** A payment without its parties. */
export function withoutParties({ type, method, amount, currency, initiatedAtMs }: Payment) {
  return { type, method, amount, currency, initiated_at: initiatedAtMs }
}
