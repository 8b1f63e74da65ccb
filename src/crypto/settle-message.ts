import { MalformedCbor } from '../protocol/cbor.ts'
import type { BundleMessage, SettleMessage } from '../protocol/messages.ts'
import { err, ok, type Result } from '../protocol/result.ts'
import { encodeSettleMessage, parseSettleMessage, SIGN1_TAG, settleContent } from '../protocol/settle-codec.ts'
import type { KeyProvider } from './key-provider.ts'
import { openAsEdge, signAsEdge, type TrustedKey } from './sign1.ts'

/**
 * The settle queue's messages as they travel. A bundle carries the signatures of its device and of its receipt. What the
 * edge alone says, who a device is and what people decided, is a COSE_Sign1 by its receipt key: whoever can write to the
 * queue could otherwise register a device of his own and have its bundles posted, or approve and reverse payments.
 */

/** Why nobody may obey a message. */
export type MessageFault = 'not_signed' | 'message_signature_invalid'

/** Not believed: `claimed` is for logs and keys of storage only. */
export interface Unauthentic {
  readonly fault: MessageFault
  readonly claimed: SettleMessage
}

/**
 * @param keys asked only for what has to be signed
 * @throws KeysUnavailable when there is no key to sign with
 */
export async function sealSettleMessage(message: SettleMessage, keys: () => Promise<KeyProvider>): Promise<Uint8Array> {
  return message.kind === 'bundle' ? encodeSettleMessage(message) : signed(message, await keys())
}

async function signed(message: Exclude<SettleMessage, BundleMessage>, keys: KeyProvider): Promise<Uint8Array> {
  const { kid, signer } = await keys.receiptSigner()
  return signAsEdge(signer, kid, encodeSettleMessage(message), 'molam-settle-v1')
}

/**
 * Reads a message, and believes nothing but a bundle without the edge's signature over it; a bundle's own signatures are
 * checked where its device is known.
 *
 * @throws MalformedCbor
 */
export async function openSettleMessage(
  encoded: Uint8Array,
  trusted: readonly TrustedKey[],
): Promise<Result<SettleMessage, Unauthentic>> {
  const claimed = parseSettleMessage(settleContent(encoded))
  if (encoded[0] !== SIGN1_TAG) return claimed.kind === 'bundle' ? ok(claimed) : err({ fault: 'not_signed', claimed })
  // One form each, so that one content has one encoding.
  if (claimed.kind === 'bundle') throw new MalformedCbor('message.kind')
  const payload = await openAsEdge(encoded, trusted, 'molam-settle-v1')
  return payload === undefined ? err({ fault: 'message_signature_invalid', claimed }) : ok(claimed)
}
