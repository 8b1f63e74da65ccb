import { hexByte, toHex } from './bytes.ts'

/** Ids that are UUIDs travel as their 16 bytes instead of 36 characters. Only the canonical lower-case form does. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function compactId(id: string): string | Uint8Array {
  if (!UUID.test(id)) return id
  const bytes = new Uint8Array(16)
  let at = 0
  for (let i = 0; i < id.length; i += 2) {
    if (id[i] === '-') i++
    bytes[at++] = hexByte(id, i)
  }
  return bytes
}

/** @param id text, or the 16 bytes of a UUID */
export function expandId(id: string | Uint8Array): string {
  if (typeof id === 'string') return id
  const hex = toHex(id)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
