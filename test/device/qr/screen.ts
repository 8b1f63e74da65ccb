import {
  decodeQR,
  generateOfflineQR,
  OfflineQRReader,
  type ParseResult,
  qrModules,
} from '../../../src/device/qr/index.ts'
import { photograph } from './camera.ts'

/** Shows bytes on one phone's screen and reads them with another one's camera. */
export function bundleFromScreen(bytes: Uint8Array): Uint8Array {
  const result = scanned(generateOfflineQR(bytes).parts)
  if (result?.status !== 'complete' || result.carries !== 'bundle') throw new Error(`not read: ${result?.status}`)
  return result.bundle
}

export function receiptFromScreen(bytes: Uint8Array): Uint8Array {
  const result = scanned(generateOfflineQR(bytes, { carries: 'receipt' }).parts)
  if (result?.status !== 'complete' || result.carries !== 'receipt') throw new Error(`not read: ${result?.status}`)
  return result.receipt
}

function scanned(parts: readonly string[]): ParseResult | undefined {
  const reader = new OfflineQRReader()
  return parts
    .map((part) => decodeQR(photograph(qrModules(part), { pxPerModule: 4, turned: 4, noise: 20 })))
    .map((text) => (text === undefined ? undefined : reader.add(text)))
    .at(-1)
}
