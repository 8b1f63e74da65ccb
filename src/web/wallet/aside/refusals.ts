/** Why the book holds nothing (docs/protocol.md §5.6); `other` for what this page does not know yet. */
const REFUSALS = [
  'insufficient_funds',
  'already_open',
  'above_policy',
  'wallet_frozen',
  'unknown_wallet',
  'currency_mismatch',
  'not_authorised',
  'not_signed',
  'stale',
] as const

export type AsideRefusal = (typeof REFUSALS)[number] | 'other'

export const refusalOf = (reason: string | undefined): AsideRefusal =>
  REFUSALS.find((known) => known === reason) ?? 'other'
