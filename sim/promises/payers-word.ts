import { localKeys } from '../../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../../src/crypto/receipt-keys.ts'
import { openAsEdge, type TrustedKey, verifySign1 } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { parseAuthorization } from '../../src/protocol/authorization.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { encodeCbor } from '../../src/protocol/cbor.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import { parse } from '../../src/protocol/parse.ts'
import { passIn } from '../../src/protocol/pass.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { World } from '../world.ts'
import { stopsOf } from './consent-words.ts'

/**
 * `given`: the owner of the debited wallet signed these terms, for this taker. `false`: somebody signed them, and not that owner. `none`:
 * there is no signature over these terms.
 */
export type Word = 'given' | 'false' | 'none'

/** A payer stands at the counter. */
const GOOD_FOR_MINUTES = 15
/** For how long a judgement may be under way. */
const OVERLAP_MS = 60_000

/** Whether payers gave their word, asked of the phones themselves. */
export class PayersWord {
  readonly #phones: World['phones']
  readonly #edge: World['edge']
  readonly #edgeKeys: Promise<readonly TrustedKey[]>

  constructor({ phones, secrets, edge }: Pick<World, 'phones' | 'secrets' | 'edge'>) {
    this.#phones = phones
    this.#edge = edge
    this.#edgeKeys = localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET).then(trustedReceiptKeys)
  }

  /** @param skewMinutes of the policy; left out, whenever it was signed */
  async of(payment: Payment, takerId: DeviceId, skewMinutes = Number.POSITIVE_INFINITY): Promise<Word> {
    const { authorization } = payment
    const read = authorization && parse(() => parseAuthorization(authorization))
    const pass = passIn(payment.pass)
    if (!read?.ok || payment.pass === undefined || pass === undefined) return 'none'
    if ((await openAsEdge(payment.pass, await this.#edgeKeys, 'molam-payer-pass-v1')) === undefined) return 'none'
    const sinceMin = (payment.initiatedAtMs - read.value.claims.signedAtMs) / 60_000
    if (sinceMin < -skewMinutes || sinceMin > GOOD_FOR_MINUTES + skewMinutes) return 'none'
    const phone = this.#phones.get(payment.sender)
    if (phone === undefined || phone.deviceId !== pass.deviceId) return 'false'
    const verifier = await webCryptoSuite.verifier(phone.signer.key)
    const allowanceNo = read.value.claims.covered === undefined ? null : (pass.allowance?.no ?? null)
    const { type, amount, currency, sender, receiver } = payment
    const payload = encodeCbor([type, amount, currency, sender, receiver, takerId, allowanceNo])
    const signed = { ...read.value, payload }
    return (await verifySign1(verifier, signed, 'molam-payer-authorization-v1')) ? 'given' : 'false'
  }

  /** Whether its phone was stopped when the edge could ask it. What is covered stands all the same. */
  mayBeStopped({ authorization, pass }: Payment, atMs: number): boolean {
    const read = authorization && parse(() => parseAuthorization(authorization))
    const phoneId = passIn(pass)?.deviceId
    if (!read?.ok || read.value.claims.covered !== undefined || phoneId === undefined) return false
    const stops = stopsOf(this.#edge, phoneId)
    return [atMs - OVERLAP_MS, atMs].some((when) => {
      return (stops.findLast(({ at }) => at <= when)?.action ?? 'device_active') !== 'device_active'
    })
  }

  /** Names the request that the payer's phone has answered: its answer is good for one payment. */
  answeredBy({ authorization, pass }: Payment): string | undefined {
    const read = authorization && parse(() => parseAuthorization(authorization))
    return read?.ok ? `${passIn(pass)?.deviceId} ${toHex(read.value.claims.requestId)}` : undefined
  }
}
