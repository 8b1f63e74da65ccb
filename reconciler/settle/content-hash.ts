import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { encodeCbor } from '../../src/protocol/cbor.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { encodePaymentName } from '../../src/protocol/refunds.ts'

/** SHA-256 over everything that a payment says: the same identity with another hash is a conflict, never a replay. */
export function contentHash(payment: Payment): Promise<Uint8Array> {
  const { counter, type, method, amount, currency, sender, receiver, initiatedAtMs } = payment
  const { merchantId, approval, authorization, pass, meta, refundOf } = payment
  return webCryptoSuite.sha256(
    encodeCbor([
      'molam-payment-v1',
      [counter, type, method, amount, currency, sender, receiver, initiatedAtMs],
      [
        merchantId ?? null,
        approval ?? null,
        authorization ?? null,
        pass ?? null,
        meta ? new Map(Object.entries(meta)) : null,
      ],
      ...(refundOf === undefined ? [] : [encodePaymentName(refundOf)]),
    ]),
  )
}
