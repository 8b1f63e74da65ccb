import { BUNDLE_BYTES_MAX } from '../../protocol/limits.ts'
import { FRAME_BYTES_MAX, SINGLE_BYTES_MAX } from './limits.ts'
import { encodePart, idOf, type QRKind } from './part.ts'

/** Texts for QR symbols: one, or several that are shown in turn, over and over. */
export type OfflineQR =
  | { readonly kind: 'single'; readonly parts: readonly [string] }
  | { readonly kind: 'animated'; readonly parts: readonly string[] }

export interface GenerateOptions {
  /** Default `bundle`. A `receipt` is what a carrier brings back to the device that took the payments. */
  readonly carries?: QRKind
}

/**
 * Turns a signed bundle into QR symbols that another phone can scan, carry and push. The same bytes give the same parts.
 *
 * @param bytes 1 to 65 536: a bundle signed for relay (`sealForRelay`), or with `carries: 'receipt'` a signed receipt
 * @throws RangeError for another length
 * @example
 * const relay = await sdk.sealForRelay()
 * if (relay) for (const part of generateOfflineQR(relay.bytes).parts) draw(qrModules(part))
 */
export function generateOfflineQR(bytes: Uint8Array, { carries = 'bundle' }: GenerateOptions = {}): OfflineQR {
  if (bytes.length === 0 || bytes.length > BUNDLE_BYTES_MAX) throw new RangeError('1 to 65 536 bytes fit')
  const id = idOf(bytes)
  if (bytes.length <= SINGLE_BYTES_MAX) {
    return { kind: 'single', parts: [encodePart({ kind: carries, index: 1, count: 1, id, chunk: bytes })] }
  }
  const count = Math.ceil(bytes.length / FRAME_BYTES_MAX)
  // Even chunks: no symbol is denser than it must be, and the last is not smaller than the others.
  const start = (index: number) => Math.floor((bytes.length * index) / count)
  const parts = Array.from({ length: count }, (_, at) =>
    encodePart({ kind: carries, index: at + 1, count, id, chunk: bytes.slice(start(at), start(at + 1)) }),
  )
  return { kind: 'animated', parts }
}
