/** Bundles as QR symbols that another phone carries, and receipts on the way back. */
export { type GenerateOptions, generateOfflineQR, type OfflineQR } from './generate.ts'
export { isPiSpiAlias, type PiSpiRequest, piSpiAlias, requestIn, writePiSpiSymbol } from './merchant/pi-spi.ts'
export { type MerchantFault, type MerchantSymbol, readMerchantSymbol } from './merchant/symbol.ts'
export type { InvalidReason, QRKind } from './part.ts'
export { OfflineQRReader, type ParseResult, parseOfflineQR } from './reader.ts'
export { decodeQR, type Pixels } from './scan.ts'
export { qrModules } from './symbol.ts'
