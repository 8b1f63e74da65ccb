import { sealPayload, signBundle } from '../../src/crypto/bundle-crypto.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { BUNDLE_MEDIA_TYPE } from '../../src/protocol/bundle.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { deviceId, newUlid } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { decodePushResponse } from '../../src/protocol/notice.ts'
import type { Payment, PaymentEntry } from '../../src/protocol/payment.ts'
import { decodeReceipt } from '../../src/protocol/receipt.ts'
import { API_URL, type Secrets } from '../settings.ts'
import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'
import type { Network } from './network.ts'

/** Where a bundle of the rogue's stands, and who signs it. What is left out is as an honest device has it. */
export interface Place {
  readonly seq?: number
  readonly prev?: Uint8Array
  readonly bundleId?: Uint8Array
  readonly nonce?: Uint8Array
  readonly privateKey?: Uint8Array
}

export interface SignedBundle {
  readonly bytes: Uint8Array
  /** Of its sealed part. */
  readonly digest: Uint8Array
  readonly seq: number
  readonly bundleId: Uint8Array
  readonly nonce: Uint8Array
}

/** Somebody who has a device's key and speaks the protocol, and tells whatever he likes. */
export class Rogue {
  readonly id: string
  readonly wallet: string
  readonly network: Network
  privateKey: Uint8Array
  /** The last bundle that was admitted, as far as he was told. */
  head: { readonly seq: number; readonly digest: Uint8Array } | undefined
  nextCounter = 1
  isRegistered = false
  /** Digests of what the edge found to contradict what it holds, and the word that it used. */
  readonly contradicted: (readonly [digest: string, code: string])[] = []
  readonly random: Random
  readonly #scheduler: Scheduler
  readonly #secrets: Secrets

  constructor(
    facts: { readonly id: string; readonly wallet: string; readonly privateKey: Uint8Array },
    world: { readonly scheduler: Scheduler; readonly random: Random; readonly secrets: Secrets },
    network: Network,
  ) {
    this.id = facts.id
    this.wallet = facts.wallet
    this.privateKey = facts.privateKey
    this.random = world.random
    this.#scheduler = world.scheduler
    this.#secrets = world.secrets
    this.network = network
  }

  payment(
    counter: number,
    terms: Partial<Payment> & Pick<Payment, 'sender' | 'receiver'> & { readonly amount: Payment['amount'] },
  ): Payment {
    const initiatedAtMs = Math.floor(this.#scheduler.nowMs / 1000) * 1000
    return { counter, type: 'merchant', method: 'wallet', currency: currency('XOF'), initiatedAtMs, ...terms }
  }

  /** A payment out of a customer's wallet into his own, small enough to be claimed without his word. */
  small(counter: number, sender: string): Payment {
    return this.payment(counter, {
      sender,
      receiver: this.wallet,
      amount: amountMinor(100 + this.random.between(0, 400)),
    })
  }

  async sign(entries: readonly PaymentEntry[], place: Place = {}): Promise<SignedBundle> {
    const nowMs = this.#scheduler.nowMs
    const { seq = (this.head?.seq ?? 0) + 1, prev = this.head ? prevOf(this.head.digest) : GENESIS_PREV } = place
    const { bundleId = newUlid(nowMs, (n) => this.random.bytes(n)), nonce = this.random.bytes(16) } = place
    const keys = await (await localKeys(this.#secrets.EDGE_KEYS, this.#secrets.KEY_WRAPPING_SECRET)).keySet()
    const recipient = keys.keys.find(({ use, state }) => use === 'seal' && state === 'active')
    if (recipient === undefined) throw new Error('the edge has no key to seal to')
    const signer = await webCryptoSuite.es256Signer(place.privateKey ?? this.privateKey)
    const own = { deviceId: deviceId(this.id), bundleId, seq }
    const sealed = await sealPayload(webCryptoSuite, recipient, own, { currency: currency('XOF'), entries })
    const kid = await keyId(webCryptoSuite, signer.key)
    const header = { ...own, alg: signer.key.alg, kid, signedAtMs: nowMs, prev, nonce, relay: false }
    return {
      bytes: await signBundle(signer, header, sealed),
      digest: await webCryptoSuite.sha256(sealed),
      seq,
      bundleId,
      nonce,
    }
  }

  signer() {
    return webCryptoSuite.es256Signer(this.privateKey)
  }

  /** @returns `admitted`, the edge's word against it, or `no answer` */
  async push({ bytes, digest, seq }: SignedBundle): Promise<string> {
    const headers = { Accept: 'application/cbor', 'Content-Type': BUNDLE_MEDIA_TYPE }
    const answer = await this.network
      .fetch(`${API_URL}/offline/push`, { ...HOW, headers, body: bytes })
      .catch(() => undefined)
    if (answer === undefined) return 'no answer'
    if (answer.status !== 200) {
      const { code = String(answer.status) } = JSON.parse(await answer.text()) as { code?: string }
      if (CONTRADICTIONS.has(code)) this.contradicted.push([toHex(digest), code])
      return code
    }
    const { receipt } = decodePushResponse(new Uint8Array(await answer.arrayBuffer()))
    if (!equalBytes(decodeReceipt(parseSign1(receipt).payload).digest, digest)) return 'a receipt for other bytes'
    if (seq > (this.head?.seq ?? 0)) this.head = { seq, digest }
    return 'admitted'
  }
}

const HOW = { method: 'POST', redirect: 'error', credentials: 'omit', cache: 'no-store' } as const
const CONTRADICTIONS = new Set(['bundle_conflict', 'nonce_replayed', 'chain_fork'])
