import { openAsEdge, type TrustedKey } from '../../../crypto/sign1.ts'
import type { CryptoSuite } from '../../../crypto/suite.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import { ES256 } from '../../../protocol/cose.ts'
import type { DeviceId } from '../../../protocol/ids.ts'
import type { KeySet } from '../../../protocol/keyset.ts'
import { decodeNotice, type Notice } from '../../../protocol/notice.ts'
import { parse } from '../../../protocol/parse.ts'
import { decodeReceipt, type Receipt } from '../../../protocol/receipt.ts'
import type { Outgoing } from '../store/outgoing.ts'

/** The pinned keys of the edge, prepared for verification. */
export class Trust {
  readonly #suite: CryptoSuite
  readonly #deviceId: DeviceId
  #prepared: { readonly from: KeySet; readonly trusted: readonly TrustedKey[] } | undefined

  constructor(suite: CryptoSuite, deviceId: DeviceId) {
    this.#suite = suite
    this.#deviceId = deviceId
  }

  /** @returns what the notice says, or undefined when it is not one that the edge signed for this device */
  async openNotice(keys: KeySet, signed: Uint8Array): Promise<Notice | undefined> {
    const notice = await this.#open(keys, signed, 'molam-notice-v1', decodeNotice)
    return notice?.deviceId === this.#deviceId ? notice : undefined
  }

  /** @returns the receipt, or undefined when it is not the edge's for the very bundle in flight: then there is none */
  async openReceipt(keys: KeySet, signed: Uint8Array, bundle: Outgoing): Promise<Receipt | undefined> {
    const receipt = await this.openOwnReceipt(keys, signed)
    return receipt !== undefined && isReceiptFor(receipt, bundle) ? receipt : undefined
  }

  /** @returns the receipt, when the edge signed it for a bundle of this device, whichever */
  async openOwnReceipt(keys: KeySet, signed: Uint8Array): Promise<Receipt | undefined> {
    const receipt = await this.#open(keys, signed, 'molam-receipt-v1', decodeReceipt)
    return receipt?.deviceId === this.#deviceId ? receipt : undefined
  }

  async #open<T>(
    keys: KeySet,
    signed: Uint8Array,
    kind: 'molam-receipt-v1' | 'molam-notice-v1',
    decode: (payload: Uint8Array) => T,
  ): Promise<T | undefined> {
    const payload = await openAsEdge(signed, await this.receiptKeys(keys), kind)
    const read = payload && parse(() => decode(payload))
    return read?.ok ? read.value : undefined
  }

  /** Receipt keys that are not retired. The same set gives the same list. */
  async receiptKeys(keys: KeySet): Promise<readonly TrustedKey[]> {
    if (this.#prepared?.from === keys) return this.#prepared.trusted
    const usable = keys.keys.filter((key) => key.use === 'receipt' && key.state !== 'retired')
    const trusted: TrustedKey[] = []
    for (const { kid, publicKey } of usable) {
      const verifier = await this.#suite.verifier({ alg: ES256, bytes: publicKey })
      trusted.push({ kid, alg: ES256, verifier })
    }
    this.#prepared = { from: keys, trusted }
    return trusted
  }
}

/** Whether what a receipt says is about this very bundle, in whichever form it was sealed. */
export const isReceiptFor = (receipt: Receipt, bundle: Outgoing): boolean =>
  equalBytes(receipt.bundleId, bundle.bundleId) &&
  bundle.digests.some((digest) => equalBytes(digest, receipt.digest)) &&
  receipt.seq === bundle.seq &&
  receipt.firstCounter === bundle.firstCounter &&
  receipt.lastCounter === bundle.lastCounter &&
  receipt.exceptions.every(({ counter }) => bundle.firstCounter <= counter && counter <= bundle.lastCounter)
