/**
 * Parses JSON in which every object names each member once. RFC 7515 §4 and RFC 7519 §4 want duplicates refused, or the
 * last one to count: where one reader takes the first and another the last, the two have read different tokens.
 *
 * @throws SyntaxError when the text is not JSON, or names a member twice
 */
export function parseUniqueJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  // Whatever a later member of the same name replaced is in the text and not in the value.
  const written = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"/g)?.length ?? 0
  if (written !== countStrings(value)) throw new SyntaxError('a member is named twice')
  return value
}

/** Names and strings in a value. Not recursive: a token may nest as deep as it is long. */
function countStrings(root: unknown): number {
  const rest = [root]
  let count = 0
  while (rest.length > 0) {
    const value = rest.pop()
    if (typeof value === 'string') count++
    if (typeof value !== 'object' || value === null) continue
    if (!Array.isArray(value)) count += Object.keys(value).length
    for (const inner of Object.values(value)) rest.push(inner)
  }
  return count
}
