import { AMOUNT_MAX } from './limits.ts'

/** An amount in minor units of its currency: an integer, 1 … 2^53-1. XOF has no minor unit, so 1 is 1 F CFA. */
export type AmountMinor = number & { readonly __brand: 'AmountMinor' }

/** ISO 4217 code, three capital letters. */
export type Currency = string & { readonly __brand: 'Currency' }

export function isAmountMinor(value: unknown): value is AmountMinor {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= AMOUNT_MAX
}

/** @throws RangeError when the value is not an integer in 1 … 2^53-1. */
export function amountMinor(value: number): AmountMinor {
  if (!isAmountMinor(value)) throw new RangeError('an amount is an integer number of minor units, 1 or more')
  return value
}

export function isCurrency(value: unknown): value is Currency {
  return typeof value === 'string' && /^[A-Z]{3}$/.test(value)
}

/** @throws RangeError when the value is not three capital letters. */
export function currency(value: string): Currency {
  if (!isCurrency(value)) throw new RangeError('a currency is three capital letters (ISO 4217)')
  return value
}
