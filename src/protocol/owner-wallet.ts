/**
 * What the ledger says of the wallet that a device is registered for: it has an account in the device's own tenant
 * (`known`), none at all (`unknown`), or one that another tenant opened (`foreign`).
 */
export const WALLET_STATES = ['known', 'unknown', 'foreign'] as const
export type WalletState = (typeof WALLET_STATES)[number]

/** What is wrong with it, as devices and people are told. */
export const WALLET_FAULTS = ['unknown', 'foreign'] as const
export type WalletFault = (typeof WALLET_FAULTS)[number]

/**
 * A wallet as people may read it in pages and audits: its last three characters, where it is long enough to hide the others.
 * `wallet_core.masked` of the ledger says the same.
 *
 * @example maskedWallet('+221771234567') // '***567'
 */
export const maskedWallet = (wallet: string): string => `***${wallet.length >= 8 ? wallet.slice(-3) : ''}`
