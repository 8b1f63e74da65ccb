import { sealPayload, signBundle } from '../../src/crypto/bundle-crypto.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import type { PaymentTerms } from '../../src/device/sdk/index.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { CURRENCY, SECONDS_BETWEEN_PAYMENTS } from './payments.ts'

/** A bundle as it goes on the wire: of a device that has been in use for a while, so that its numbers have grown. */
export const DEVICE = deviceId('POS-SN-000123')
const [SEQ, FIRST_COUNTER] = [321, 12_001]
export const AT_MS = Date.UTC(2026, 10, 22, 9)

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

/** @param evidence of the clock: present while the process runs that was last in contact with the edge */
export async function bundleOf(terms: readonly PaymentTerms[], evidence: boolean): Promise<Uint8Array> {
  const [signer, edge] = await Promise.all([
    webCryptoSuite.es256Signer(random(32)),
    webCryptoSuite.es256Signer(random(32)),
  ])
  const header = {
    alg: signer.key.alg,
    kid: await keyId(webCryptoSuite, signer.key),
    deviceId: DEVICE,
    signedAtMs: AT_MS,
    bundleId: random(16),
    seq: SEQ,
    prev: random(16),
    nonce: random(16),
    relay: false,
  }
  const payload = {
    currency: currency(CURRENCY),
    entries: terms.map(
      ({ approval: _, authorization: answer, ...payment }, index): Payment => ({
        ...payment,
        ...(answer && { pass: answer.pass, authorization: answer.authorization }),
        counter: FIRST_COUNTER + index,
        method: payment.method ?? 'wallet',
        amount: amountMinor(payment.amount),
        currency: currency(payment.currency),
        initiatedAtMs: AT_MS + index * SECONDS_BETWEEN_PAYMENTS * 1000,
      }),
    ),
    ...(evidence && { countedMs: AT_MS + 7_200_000 }),
  }
  const recipient = { kid: await keyId(webCryptoSuite, edge.key), publicKey: edge.key.bytes }
  return signBundle(signer, header, await sealPayload(webCryptoSuite, recipient, header, payload))
}
