import { macHolds, macOf } from '../../crypto/mac.ts'
import { toBase64url } from '../../protocol/bytes.ts'
import type { IndexMessage } from './index-message.ts'

/**
 * Messages of the index queue as they travel. Whoever could write to the queue could otherwise show people rows of his own:
 * a bundle that waits for nobody, an act that nobody did. An old one that comes again changes nothing, for rows carry a rev.
 */
export type SealedIndexMessage = IndexMessage & { readonly mac: string }

/** @param key of `index_message` */
export async function sealIndexMessage(rows: IndexMessage, key: CryptoKey): Promise<SealedIndexMessage> {
  return { ...rows, mac: await macOf(key, [textOf(rows)]) }
}

/** @returns undefined when no object of ours sent it */
export async function openIndexMessage(body: unknown, key: CryptoKey): Promise<IndexMessage | undefined> {
  if (typeof body !== 'object' || body === null) return undefined
  const { mac, ...rows } = body as SealedIndexMessage
  return (await macHolds(key, mac, [textOf(rows)])) ? rows : undefined
}

/** Members keep their order on the way, and numbers and texts are themselves; bytes are written as text. */
const textOf = (rows: IndexMessage): string =>
  JSON.stringify(rows, (_, value) => (value instanceof Uint8Array ? toBase64url(value) : value))
