import { err, ok, type Result } from '../../../protocol/result.ts'

/**
 * Data objects of EMV merchant QR codes: an id of two digits, a length of two, a value of so many characters. A template is a value
 * that consists of data objects itself.
 */
export type DataObjects = ReadonlyMap<string, string>

export const VALUE_CHARS_MAX = 99

/** @throws RangeError for a value that no length of two digits describes */
export function writeDataObjects(objects: readonly (readonly [id: string, value: string])[]): string {
  return objects.map(([id, value]) => id + lengthOf(value) + value).join('')
}

function lengthOf(value: string): string {
  const { length } = [...value]
  if (length === 0 || length > VALUE_CHARS_MAX) throw new RangeError('1 to 99 characters fit into a data object')
  return String(length).padStart(2, '0')
}

/** A symbol that says something twice says nothing certain, so that is malformed too. */
export function readDataObjects(text: string): Result<DataObjects, 'malformed'> {
  const chars = [...text]
  const objects = new Map<string, string>()
  for (let at = 0; at < chars.length; ) {
    const [, id, length] = HEADER.exec(chars.slice(at, at + 4).join('')) ?? []
    if (id === undefined || objects.has(id)) return err('malformed')
    const end = at + 4 + Number(length)
    if (Number(length) === 0 || end > chars.length) return err('malformed')
    objects.set(id, chars.slice(at + 4, end).join(''))
    at = end
  }
  return ok(objects)
}

/** Ids inside of templates may have letters: those of PI-SPI's own additions do. */
const HEADER = /^([0-9A-Z]{2})(\d{2})$/
