import { CURRENCY, SECONDS_BETWEEN_PAYMENTS, takings } from '../../bench/device/payments.ts'
import { AT_MS, DEVICE } from '../../bench/device/wire.ts'
import { compressKey } from '../../src/crypto/compressed-key.ts'
import { signPass } from '../../src/crypto/pass.ts'
import { signDetached } from '../../src/crypto/sign1.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import type { PaymentTerms } from '../../src/device/sdk/index.ts'
import { authorizationTerms, encodeAuthorizationHeader } from '../../src/protocol/authorization.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import { randomBytes } from '../kit/device.ts'

/** A payer as they are in the field: a phone that was enrolled by a country's numbers, an allowance that is half used up. */
interface Payer {
  readonly wallet: string
  readonly signer: Signer
  readonly pass: Uint8Array
  spent: number
  n: number
}

const ALLOWANCE_NO = 12

export interface SignedBy {
  readonly payers: 'different' | 'one'
  readonly wallets: 'phone' | 'uuid'
  /** Under an allowance, whose places take room; else signed without cover. */
  readonly covered: boolean
}

/** The takings of a shop whose customers' phones have signed them. */
export async function signedTakings(
  count: number,
  { payers, wallets, covered }: SignedBy,
): Promise<readonly PaymentTerms[]> {
  const edge = await webCryptoSuite.es256Signer(randomBytes(32))
  const kid = await keyId(webCryptoSuite, edge.key)
  const known = new Map<string, Payer>()
  const payerOf = async (sender: string, index: number): Promise<Payer> => {
    const wallet = wallets === 'phone' ? sender : `0188c7b2-7a51-4000-8000-${sender.slice(1).padStart(12, '0')}`
    const before = known.get(wallet)
    if (before !== undefined) return before
    const signer = await webCryptoSuite.es256Signer(randomBytes(32))
    const pass = await signPass(edge, kid, {
      ...{ wallet, deviceId: deviceId(`TEL-SN-${String(100_000 + index)}`) },
      key: compressKey(signer.key) ?? new Uint8Array(),
      ...{ fromMs: AT_MS, untilMs: AT_MS + 7 * DAY_MS, currency: currency(CURRENCY), level: 'tee' },
      paymentMax: amountMinor(100_000),
      ...(covered && { allowance: { no: ALLOWANCE_NO, ceiling: amountMinor(50_000) } }),
    })
    const payer = { wallet, signer, pass, spent: 25_000, n: 24 }
    known.set(wallet, payer)
    return payer
  }
  const signed: PaymentTerms[] = []
  for (const [index, terms] of takings(count, payers).entries()) {
    const payer = await payerOf(terms.sender, index)
    // What one payer pays 50 times is small.
    const amount = payers === 'one' ? 100 + index : terms.amount
    payer.spent += amount
    payer.n++
    const header = encodeAuthorizationHeader({
      alg: payer.signer.key.alg,
      signedAtMs: AT_MS + index * SECONDS_BETWEEN_PAYMENTS * 1000,
      requestId: randomBytes(16),
      ...(covered && { covered: { n: payer.n, spent: amountMinor(payer.spent) } }),
    })
    const paid = { ...terms, amount: amountMinor(amount), currency: currency(CURRENCY), sender: payer.wallet }
    const over = authorizationTerms(paid, DEVICE, covered ? ALLOWANCE_NO : null)
    const authorization = await signDetached(payer.signer, header, over, 'molam-payer-authorization-v1')
    signed.push({ ...paid, method: 'qr', authorization: { pass: payer.pass, authorization } })
  }
  return signed
}
