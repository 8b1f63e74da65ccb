import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, equalBytes, utf8 } from '../../protocol/bytes.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { fromBase45, toBase45 } from './base45.ts'
import { CHECK_BYTES, ID_BYTES, PARTS_MAX, SINGLE_CHARS_MAX } from './limits.ts'

/**
 * The text of one symbol:
 *
 *   MOLAM1:B2/5:<base45 of id ‖ check ‖ chunk>
 *
 * version 1; B a bundle, R a receipt; part 2 of 5. `id` is half the SHA-256 of the whole, `check` the first bytes of the
 * SHA-256 over `B2/5:`, id and chunk. None of it is secret or proves anything about money: the signatures inside do that.
 */
export interface Part {
  readonly kind: QRKind
  /** From 1. */
  readonly index: number
  readonly count: number
  readonly id: Uint8Array
  readonly chunk: Uint8Array
}

/** What the symbols carry: a signed bundle on its way to the edge, or the edge's signed receipt on its way back. */
export type QRKind = 'bundle' | 'receipt'

/**
 * Why a text is not a part.
 *
 * - `not_molam`: some other QR code
 * - `unsupported_version`: made by a later app
 * - `damaged`: read wrong, altered, or larger than anything that is made here
 */
export type InvalidReason = 'not_molam' | 'unsupported_version' | 'damaged'

const SCHEME = /^MOLAM(\d{1,3}):/
const PART = /^([BR])([1-9]\d{0,2})\/([1-9]\d{0,2}):(.+)$/

/** The id of a whole. */
export const idOf = (whole: Uint8Array): Uint8Array => sha256(whole).slice(0, ID_BYTES)

export function encodePart({ kind, index, count, id, chunk }: Part): string {
  const place = `${kind === 'bundle' ? 'B' : 'R'}${index}/${count}:`
  return `MOLAM1:${place}${toBase45(concatBytes(id, checkOf(place, id, chunk), chunk))}`
}

/** Never throws: a camera reads anything. */
export function decodePart(text: string): Result<Part, InvalidReason> {
  const version = SCHEME.exec(text)?.[1]
  if (version === undefined) return err('not_molam')
  if (version !== '1') return err('unsupported_version')
  if (text.length > SINGLE_CHARS_MAX) return err('damaged')
  const [, letter, index = '', count = '', body = ''] = PART.exec(text.slice('MOLAM1:'.length)) ?? []
  const bytes = fromBase45(body)
  if (letter === undefined || bytes === undefined || bytes.length <= ID_BYTES + CHECK_BYTES) return err('damaged')
  if (Number(index) > Number(count) || Number(count) > PARTS_MAX) return err('damaged')
  const [id, check] = [bytes.slice(0, ID_BYTES), bytes.slice(ID_BYTES, ID_BYTES + CHECK_BYTES)]
  const chunk = bytes.slice(ID_BYTES + CHECK_BYTES)
  if (!equalBytes(check, checkOf(`${letter}${index}/${count}:`, id, chunk))) return err('damaged')
  return ok({ kind: letter === 'B' ? 'bundle' : 'receipt', index: Number(index), count: Number(count), id, chunk })
}

const checkOf = (place: string, id: Uint8Array, chunk: Uint8Array) =>
  sha256(concatBytes(utf8(place), id, chunk)).slice(0, CHECK_BYTES)
