import { type CborMap, decodeCbor } from '../../src/protocol/cbor.ts'
import { splitConfirmations } from '../../src/protocol/confirmations.ts'

/**
 * Reads an outcomes call as far as the bound needs to: which bundle each outcome list is of. The lists themselves stay
 * the bytes that they came in, as their devices get them.
 */
export interface Settled {
  readonly deviceId: string
  readonly bundleId: Uint8Array
  readonly seq: number
  /** CBOR array of outcomes. */
  readonly outcomes: Uint8Array
}

const SETTLED_KIND = 3
/** Keys of a `bundle_settled` (src/protocol/confirmations.ts). */
const [KIND, BUNDLE_ID, SEQ, OUTCOMES] = [0, 1, 2, 4]

/** @param body of a call whose HMAC holds: what it says of each device is not checked again */
export const settledIn = (body: Uint8Array): readonly Settled[] =>
  [...splitConfirmations(body)].flatMap(([deviceId, own]) =>
    (decodeCbor(own) as readonly CborMap[]).flatMap((fields) => {
      if (fields.get(KIND) !== SETTLED_KIND) return []
      const [bundleId, outcomes] = [fields.get(BUNDLE_ID), fields.get(OUTCOMES)] as [Uint8Array, Uint8Array]
      return [{ deviceId, bundleId, seq: fields.get(SEQ) as number, outcomes }]
    }),
  )
