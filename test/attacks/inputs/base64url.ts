/** Ways to write bytes that are not their one base64url form (RFC 4648 §5, unpadded, no stray bits). */
export const BAD_BASE64URL: readonly (readonly [what: string, bend: (good: string) => string])[] = [
  ['one =', (good) => `${good}=`],
  ['two =', (good) => `${good}==`],
  ['a space before', (good) => ` ${good}`],
  ['a space behind', (good) => `${good} `],
  ['a space within', (good) => `${good.slice(0, 4)} ${good.slice(4)}`],
  ['a line end', (good) => `${good.slice(0, 76)}\n${good.slice(76)}`],
  ['a carriage return', (good) => `${good}\r\n`],
  ['a tab', (good) => `\t${good}`],
  ['a zero byte', (good) => `${good}\0`],
  ['+ for -', (good) => `+${good.slice(1)}`],
  ['/ for _', (good) => `/${good.slice(1)}`],
  ['a dot', (good) => `${good}.`],
  ['a comma', (good) => `${good.slice(0, 9)},${good.slice(9)}`],
  ['percent encoding', (good) => `${good}%3D`],
  ['one character too many', (good) => `${good.slice(0, good.length - (good.length % 4))}A`],
  ['stray bits', (good) => strayBits(good)],
  ['a letter outside ASCII', (good) => `é${good.slice(1)}`],
  ['full-width letters', (good) => `Ａ${good.slice(1)}`],
  ['a zero-width space', (good) => `\u200b${good}`],
  ['a byte order mark', (good) => `\ufeff${good}`],
  ['half a surrogate', (good) => `\ud800${good}`],
  ['hex', (good) => `0x${good}`],
  ['a data URL', (good) => `data:;base64,${good}`],
  ['JSON in the text', (good) => `"${good}"`],
  ['only padding', () => '===='],
]

/** The same bytes to a lenient reader: the last character carries bits that belong to nothing. */
function strayBits(good: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const rest = good.length % 4
  // A text of whole groups has no bits to stray: made one byte shorter it has.
  if (rest === 0) return strayBits(good.slice(0, -1))
  const last = alphabet.indexOf(good.at(-1) ?? 'A')
  return good.slice(0, -1) + alphabet[last | 1]
}
