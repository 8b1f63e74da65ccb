/**
 * A number of a command line.
 *
 * @throws RangeError when it is not a positive integer
 */
export function countOf(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${text} is not a positive number`)
  return value
}
