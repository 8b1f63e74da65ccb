import { openBundle } from '../../src/crypto/bundle-crypto.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { type OpenedPasses, openPasses } from '../../src/crypto/pass.ts'
import { openAsEdge, type TrustedKey, verifySign1 } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { type Bundle, parseBundle } from '../../src/protocol/bundle.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import type { BundleMessage } from '../../src/protocol/messages.ts'
import { parse } from '../../src/protocol/parse.ts'
import type { BundlePayload } from '../../src/protocol/payload.ts'
import { paymentsIn } from '../../src/protocol/payment.ts'
import { decodeReceipt, type Receipt } from '../../src/protocol/receipt.ts'
import { err, ok, type Result } from '../../src/protocol/result.ts'
import type { Registry } from '../registry/registry.ts'

/**
 * Believes nothing that the edge says about a bundle:
 *
 *   parse → device and key known → device's signature → receipt's signature → receipt is for these bytes → key was
 *   not revoked then, policy is of the device's country → open
 */
export interface VerifiedBundle {
  readonly bundle: Bundle
  readonly digest: Uint8Array
  readonly receipt: Receipt
  readonly payload: BundlePayload
  /** Of payers; what the edge has not signed is not among them. */
  readonly passes: OpenedPasses
}

export type BundleFault =
  /** Not known yet: the device's facts come on the same queue, in any order. */
  | 'unknown_device'
  | 'malformed_bundle'
  | 'wrong_device'
  /** Another country's policy may allow what the device's own does not. */
  | 'wrong_country'
  | 'invalid_signature'
  /** Admitted, says its receipt, after its key was revoked: the edge takes no such bundle. */
  | 'key_revoked'
  | 'invalid_receipt'
  | 'receipt_mismatch'
  | 'unknown_recipient_key'
  | 'undecryptable'
  | 'invalid_payload'

export async function verifyBundle(
  message: BundleMessage,
  registry: Registry,
  keys: KeyProvider,
  trusted: readonly TrustedKey[],
): Promise<Result<VerifiedBundle, BundleFault>> {
  const parsed = parse(() => parseBundle(message.bundle))
  if (!parsed.ok) return err('malformed_bundle')
  const bundle = parsed.value
  const { claims } = bundle
  if (claims.deviceId !== message.deviceId) return err('wrong_device')

  const device = registry.get(claims.deviceId)
  const key = device?.keys.get(toHex(claims.kid))
  if (device === undefined || key === undefined) return err('unknown_device')
  if (key.alg !== claims.alg || !(await verifySign1(key.verifier, bundle, ''))) return err('invalid_signature')

  const receipt = await readReceipt(message.receipt, trusted)
  if (receipt === undefined) return err('invalid_receipt')
  const digest = await webCryptoSuite.sha256(bundle.payload)
  const sameBundle =
    receipt.deviceId === claims.deviceId &&
    receipt.seq === claims.seq &&
    equalBytes(receipt.bundleId, claims.bundleId) &&
    equalBytes(receipt.digest, digest)
  if (!sameBundle) return err('receipt_mismatch')
  if (key.state === 'revoked' && receipt.receivedAtMs > key.stateAtMs) return err('key_revoked')
  if (receipt.country !== device.country) return err('wrong_country')

  const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), bundle)
  if (!opened.ok) return err(opened.error.code)
  const { entries } = opened.value
  const sameCounters = entries[0]?.counter === receipt.firstCounter && entries.at(-1)?.counter === receipt.lastCounter
  if (!sameCounters) return err('receipt_mismatch')
  const passes = await openPasses(webCryptoSuite, paymentsIn(opened.value), trusted)
  return ok({ bundle, digest, receipt, payload: opened.value, passes })
}

async function readReceipt(encoded: Uint8Array, trusted: readonly TrustedKey[]): Promise<Receipt | undefined> {
  const payload = await openAsEdge(encoded, trusted, 'molam-receipt-v1')
  const receipt = payload && parse(() => decodeReceipt(payload))
  return receipt?.ok ? receipt.value : undefined
}
