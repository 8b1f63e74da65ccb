/** What the amount pad has on it; every key can be pressed with a finger and with a keyboard. */
export const PAD_KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '00', '0', 'erase'] as const
export type PadKey = (typeof PAD_KEYS)[number] | 'clear'

/**
 * The digits of an amount after a key. Never a leading zero: what is on the display is what is taken. One digit more than
 * the largest amount has, and no further: a key that does nothing may not leave an amount that can be taken.
 *
 * @param digits minor units, as they were keyed in; empty for nothing
 * @param maxAmount the largest that one payment may be
 */
export function press(digits: string, key: PadKey, maxAmount: number): string {
  if (key === 'clear') return ''
  if (key === 'erase') return digits.slice(0, -1)
  return `${digits}${key}`.replace(/^0+/, '').slice(0, String(maxAmount).length + 1)
}

/**
 * Whether a key types something that no amount has: a point or a comma, because XOF has no smaller unit; a letter of a
 * scanner that was meant for another field. Space only parts thousands.
 */
export const isForeign = (key: string): boolean => [...key].length === 1 && !/^[\d\s]$/.test(key)

/** @returns undefined for a key of the keyboard that is none of the pad's */
export function padKeyOf(key: string): PadKey | undefined {
  if (/^[0-9]$/.test(key)) return key as PadKey
  if (key === 'Backspace') return 'erase'
  return key === 'Escape' || key === 'Delete' ? 'clear' : undefined
}

/** An amount while it is keyed in. */
export interface Keyed {
  /** Minor units as they were keyed in. */
  readonly digits: string
  /** A key that means nothing in an amount and was typed after the digits: what follows may not be what was meant. */
  readonly foreign?: string | undefined
}

/** The draft after a key of the pad. After a key that means nothing it waits until that is erased. */
export function keyed<Draft extends Keyed>(draft: Draft, key: PadKey, maxAmount: number): Draft {
  const { digits, foreign } = draft
  if (foreign !== undefined && key !== 'clear') return key === 'erase' ? { ...draft, foreign: undefined } : draft
  return { ...draft, foreign: undefined, digits: press(digits, key, maxAmount) }
}
