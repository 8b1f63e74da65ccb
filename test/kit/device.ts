import { sealPayload, signBundle } from '../../src/crypto/bundle-crypto.ts'
import { nobleSuite } from '../../src/crypto/noble.ts'
import { signSign1 } from '../../src/crypto/sign1.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { type BundleHeader, encodeSealed, sealAad } from '../../src/protocol/bundle.ts'
import { toBase64url } from '../../src/protocol/bytes.ts'
import { GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import { type DeviceProofHeader, encodeDeviceProofHeader } from '../../src/protocol/device-proof.ts'
import { deviceId, newUlid } from '../../src/protocol/ids.ts'
import type { EdgeKey, KeySet, KeyState } from '../../src/protocol/keyset.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { BundlePayload } from '../../src/protocol/payload.ts'
import type { Payment, PaymentEntry } from '../../src/protocol/payment.ts'
import { withWords } from './payers.ts'

/**
 * A device made of the protocol alone, without the SDK: it can say anything, also what an honest one never would. Runs in
 * Node and in workerd.
 */
export const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const suite = nobleSuite(randomBytes)

export interface Made {
  readonly bundle: Uint8Array
  readonly header: BundleHeader
  readonly sealed: Uint8Array
  readonly digest: Uint8Array
}

/** A key of the edge that devices seal to. */
export function sealKey(keys: KeySet, state: KeyState): EdgeKey {
  const found = keys.keys.find((key) => key.use === 'seal' && key.state === state)
  if (found === undefined) throw new Error(`no ${state} seal key`)
  return found
}

export class TestDevice {
  readonly id = deviceId(`POS-${crypto.randomUUID().slice(0, 8)}`)
  ownerWallet = `W-${this.id}`
  /** Whether what it takes carries the word of its payers, and of an agent (payers.ts). */
  signsForPayers = true
  signer!: Signer
  /** Whether two people have said that it may debit its owner's wallet: kits give it that consent when they register it. */
  hasConsent = true
  /** Two people of the tenant gave it also for a customer's wallet, who has a code of his own otherwise. */
  isTenants = false
  readonly consentedAtMs = Date.now() - 10 * 86_400_000
  kid!: Uint8Array
  seq = 1
  counter = 1
  prev: Uint8Array = GENESIS_PREV

  static async create(ownerWallet?: string): Promise<TestDevice> {
    const device = new TestDevice()
    if (ownerWallet !== undefined) device.ownerWallet = ownerWallet
    device.signer = await suite.es256Signer(randomBytes(32))
    device.kid = await keyId(suite, device.signer.key)
    return device
  }

  /** A payment that every default policy accepts. */
  payment(over: Partial<Payment> = {}): Payment {
    return {
      counter: this.counter++,
      type: 'merchant',
      method: 'wallet',
      amount: amountMinor(2500),
      currency: currency('XOF'),
      sender: 'W-CUSTOMER',
      receiver: this.ownerWallet,
      initiatedAtMs: Math.floor(Date.now() / 1000) * 1000,
      ...over,
    }
  }

  /** Seals and signs the next bundle of the chain; `over` bends the header. */
  async bundle(entries: readonly PaymentEntry[], keys: KeySet, over: Partial<BundleHeader> = {}): Promise<Made> {
    const payload: BundlePayload = { currency: currency('XOF'), entries }
    const made = await this.seal(payload, keys, { seq: this.seq, prev: this.prev, ...over })
    this.seq = made.header.seq + 1
    this.prev = prevOf(made.digest)
    return made
  }

  async seal(payload: BundlePayload, keys: KeySet, over: Partial<BundleHeader> = {}): Promise<Made> {
    const header = this.header(over)
    const entries = await withWords(payload.entries, this, this.signsForPayers)
    const sealed = await sealPayload(suite, sealKey(keys, 'active'), header, { ...payload, entries })
    return this.sign(header, sealed)
  }

  /** Seals any bytes, also such as are no payments, and signs them under the given header. */
  async sealBytes(plaintext: Uint8Array, keys: KeySet, over: Partial<BundleHeader> = {}): Promise<Made> {
    const header = this.header(over)
    const { kid, publicKey } = sealKey(keys, 'active')
    const sealed = await suite.seal(publicKey, plaintext, sealAad(header))
    return this.sign(header, encodeSealed({ recipientKid: kid, ...sealed }))
  }

  /** Signs sealed bytes; the same ones again, with another nonce and time, as a device does that got no answer. */
  async sign(header: BundleHeader, sealed: Uint8Array, signer = this.signer): Promise<Made> {
    const bundle = await signBundle(signer, header, sealed)
    return { bundle, header, sealed, digest: await suite.sha256(sealed) }
  }

  resign(made: Made, over: Partial<BundleHeader> = {}): Promise<Made> {
    return this.sign({ ...made.header, nonce: randomBytes(16), signedAtMs: Date.now(), ...over }, made.sealed)
  }

  header(over: Partial<BundleHeader> = {}): BundleHeader {
    return {
      alg: -7,
      kid: this.kid,
      deviceId: this.id,
      signedAtMs: Math.floor(Date.now() / 1000) * 1000,
      bundleId: newUlid(Date.now(), randomBytes),
      seq: this.seq,
      prev: this.prev,
      nonce: randomBytes(16),
      relay: false,
      ...over,
    }
  }

  /** @param body that it is sent with, as `Authorization` */
  async proof(htm: string, htu: string, over: Partial<DeviceProofHeader> = {}, body?: string): Promise<string> {
    const header = encodeDeviceProofHeader({
      alg: -7,
      kid: this.kid,
      deviceId: this.id,
      issuedAtMs: Date.now(),
      nonce: randomBytes(16),
      htm,
      htu,
      ...(body !== undefined && { bodyDigest: await suite.sha256(new TextEncoder().encode(body)) }),
      ...over,
    })
    return toBase64url(await signSign1(this.signer, header, new Uint8Array(), 'molam-device-proof-v1'))
  }

  /** The public key as the admin API takes it. */
  jwk() {
    const { bytes } = this.signer.key
    return { kty: 'EC', crv: 'P-256', x: toBase64url(bytes.slice(1, 33)), y: toBase64url(bytes.slice(33)) }
  }
}
