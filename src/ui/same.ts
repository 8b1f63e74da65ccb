/**
 * The previous value wherever nothing has changed: React renders again what is another object, and only that. Plain
 * objects and lists are compared by what they hold, everything else (bytes, errors) by identity.
 */
export function kept<T>(previous: T, next: T): T {
  if (isSame(previous, next)) return previous
  if (!Array.isArray(previous) || !Array.isArray(next)) return next
  return next.map((item, index) => (isSame(previous[index], item) ? previous[index] : item)) as T
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => isSame(item, b[i]))
  if (!isPlain(a) || !isPlain(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
