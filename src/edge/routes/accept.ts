import { parseAccept } from 'hono/utils/accept'

export const CBOR_MEDIA_TYPE = 'application/cbor'
const JSON_MEDIA_TYPE = 'application/json'

/**
 * Whether an answer goes out as CBOR (RFC 9110 §12.5.1): the most specific range that covers a media type says how much it
 * is wanted, names are the same in any case, and a quality of 0 is "no". Whoever wants both alike and names CBOR gets CBOR;
 * everybody else gets JSON.
 */
export function prefersCbor(accept: string | undefined): boolean {
  const ranges = new Map(parseAccept(accept ?? '').map(({ type, q }) => [type.toLowerCase(), q]))
  const quality = (type: string) => ranges.get(type) ?? ranges.get('application/*') ?? ranges.get('*/*') ?? 0
  const [cbor, json] = [quality(CBOR_MEDIA_TYPE), quality(JSON_MEDIA_TYPE)]
  return cbor > json || (cbor > 0 && cbor === json && ranges.has(CBOR_MEDIA_TYPE))
}
