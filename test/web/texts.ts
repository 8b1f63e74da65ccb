/** Every text of a page with its place; those with gaps once for one thing and once for several. */
export function textsOf(words: object, at = ''): readonly (readonly [place: string, text: string])[] {
  return Object.entries(words).flatMap(([name, value]: [string, unknown]) => {
    const place = at === '' ? name : `${at}.${name}`
    if (typeof value === 'string') return [[place, value] as const]
    if (typeof value !== 'function') return textsOf(value as object, place)
    return [1, 2].map((count) => [place, String(value(count, count))] as const)
  })
}
