import { type CborValue, MalformedCbor } from './cbor.ts'
import { isParty } from './ids.ts'
import { PARTY_CHARS_MAX } from './limits.ts'
import { bytes, text } from './shape.ts'
import { compactId, expandId } from './uuid.ts'

/**
 * A wallet or merchant id as it travels: a UUID as its 16 bytes and in no other way, so that there is one spelling of each.
 *
 * @throws MalformedCbor naming `what`
 */
export function partyFromCbor(value: CborValue | undefined, what: string): string {
  const party = expandId(typeof value === 'string' ? text(value, what, PARTY_CHARS_MAX) : bytes(value, what, 16))
  if (!isParty(party) || (typeof value === 'string' && typeof compactId(value) !== 'string'))
    throw new MalformedCbor(what)
  return party
}
