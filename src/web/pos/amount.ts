/** What the amount pad has on it; every key can be pressed with a finger and with a keyboard. */
export const PAD_KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '00', '0', 'erase'] as const
export type PadKey = (typeof PAD_KEYS)[number] | 'clear'

/** No policy allows amounts of more digits than this, and every one of them is an exact integer. */
const DIGITS_MAX = 9

/**
 * The digits of an amount after a key. Never a leading zero: what is on the display is what is taken.
 *
 * @param digits minor units, as they were keyed in; empty for nothing
 */
export function press(digits: string, key: PadKey): string {
  if (key === 'clear') return ''
  if (key === 'erase') return digits.slice(0, -1)
  const next = `${digits}${key}`.replace(/^0+/, '')
  return next.length > DIGITS_MAX ? digits : next
}

/** @returns undefined for a key of the keyboard that means nothing here */
export function padKeyOf(key: string): PadKey | undefined {
  if (/^[0-9]$/.test(key)) return key as PadKey
  if (key === 'Backspace') return 'erase'
  return key === 'Escape' || key === 'Delete' ? 'clear' : undefined
}
