import { toHex } from '../../src/protocol/bytes.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { localId, ulidText } from '../../src/protocol/ids.ts'
import { decodePushResponse } from '../../src/protocol/notice.ts'
import { decodeReceipt, type Receipt } from '../../src/protocol/receipt.ts'

export interface Seen {
  readonly receipt: Receipt
  /** The signed bytes, hex. */
  readonly signed: string
}

/** Every receipt that ever left the edge, whether or not its device got it: from here on nothing of it may be lost. */
export class Receipts {
  /** `device/bundle` → the receipt. */
  readonly seen = new Map<string, Seen>()
  readonly #covered = new Set<string>()
  /** What was wrong at once. */
  readonly faults: string[] = []

  /** Hears what the edge answered to a push. */
  heard(body: Uint8Array): void {
    const signed = decodePushResponse(body).receipt
    const receipt = decodeReceipt(parseSign1(signed).payload)
    const id = `${receipt.deviceId}/${ulidText(receipt.bundleId)}`
    const known = this.seen.get(id)
    if (known !== undefined) {
      if (known.signed !== toHex(signed)) this.faults.push(`the edge signed two different receipts for bundle ${id}`)
      return
    }
    this.seen.set(id, { receipt, signed: toHex(signed) })
    for (let counter = receipt.firstCounter; counter <= receipt.lastCounter; counter++) {
      this.#covered.add(localId(receipt.deviceId, counter))
    }
  }

  /** Whether any bundle of this device has one. */
  has(deviceId: string): boolean {
    return [...this.seen.values()].some(({ receipt }) => receipt.deviceId === deviceId)
  }

  /** Whether a receipt's range covers this payment. */
  covers(localId: string): boolean {
    return this.#covered.has(localId)
  }
}
