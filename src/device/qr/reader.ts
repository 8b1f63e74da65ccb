import { concatBytes, equalBytes, toHex } from '../../protocol/bytes.ts'
import { BUNDLE_BYTES_MAX } from '../../protocol/limits.ts'
import { SETS_MAX } from './limits.ts'
import { decodePart, type InvalidReason, idOf, type Part, type QRKind } from './part.ts'

export type ParseResult =
  | { readonly status: 'complete'; readonly carries: 'bundle'; readonly bundle: Uint8Array }
  | { readonly status: 'complete'; readonly carries: 'receipt'; readonly receipt: Uint8Array }
  /** `have` of `of` different parts are here. */
  | { readonly status: 'partial'; readonly carries: QRKind; readonly have: number; readonly of: number }
  /** Nothing that was read before is lost by it. */
  | { readonly status: 'invalid'; readonly reason: InvalidReason }

/** The parts of one whole that were read so far, by index. */
type PartSet = Map<number, Uint8Array>

/**
 * Puts scanned texts together, in whatever order they come, with repeats, losses and other codes in between. Parts of
 * different bundles are kept apart; the least recently seen one of more than four is forgotten.
 *
 * What it hands out are the bytes that were shown and no others. Who made them, only their signature tells.
 *
 * @example
 * const reader = new OfflineQRReader()
 * onFrame((image) => {
 *   const text = decodeQR(image)
 *   const result = text === undefined ? undefined : reader.add(text)
 *   if (result?.status === 'partial') show(`${result.have} / ${result.of}`)
 *   if (result?.status === 'complete' && result.carries === 'bundle') carry(result.bundle)
 * })
 */
export class OfflineQRReader {
  /** The least recently seen first. */
  readonly #sets = new Map<string, PartSet>()

  /** Never throws. A part that completes its whole again gives it again. */
  add(text: string): ParseResult {
    const decoded = decodePart(text)
    if (!decoded.ok) return { status: 'invalid', reason: decoded.error }
    const part = decoded.value
    const key = `${part.kind}/${part.count}/${toHex(part.id)}`
    const set = this.#touch(key)
    // The first one stays. Should it be a forgery, the digest of the whole says so, and the whole is read anew.
    if (!set.has(part.index)) set.set(part.index, part.chunk)
    if (set.size < part.count) return { status: 'partial', carries: part.kind, have: set.size, of: part.count }
    const whole = assemble(set, part)
    if (whole === undefined) {
      this.#sets.delete(key)
      return { status: 'invalid', reason: 'damaged' }
    }
    return part.kind === 'bundle'
      ? { status: 'complete', carries: 'bundle', bundle: whole }
      : { status: 'complete', carries: 'receipt', receipt: whole }
  }

  #touch(key: string): PartSet {
    const set: PartSet = this.#sets.get(key) ?? new Map()
    this.#sets.delete(key)
    this.#sets.set(key, set)
    for (const oldest of this.#sets.keys()) {
      if (this.#sets.size <= SETS_MAX) break
      this.#sets.delete(oldest)
    }
    return set
  }
}

function assemble(set: PartSet, { count, id }: Part): Uint8Array | undefined {
  const chunks = Array.from({ length: count }, (_, at) => set.get(at + 1) ?? new Uint8Array())
  const whole = concatBytes(...chunks)
  return whole.length <= BUNDLE_BYTES_MAX && equalBytes(idOf(whole), id) ? whole : undefined
}

/**
 * Puts texts together that were collected elsewhere.
 *
 * @returns the first whole among them; without one, how far the last valid part's whole is, or why none was valid
 */
export function parseOfflineQR(parts: Iterable<string>): ParseResult {
  const reader = new OfflineQRReader()
  let last: ParseResult = { status: 'invalid', reason: 'not_molam' }
  for (const part of parts) {
    const result = reader.add(part)
    if (result.status === 'complete') return result
    if (result.status === 'partial' || last.status === 'invalid') last = result
  }
  return last
}
