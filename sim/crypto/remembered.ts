/** What is kept of what was computed; a process may live through millions of keys. */
const ENTRIES_MAX = 4_096

/** Computes each answer once, as long as it is not long ago: it never changes. */
export function remembered<T>(compute: (bytes: Uint8Array) => T): (bytes: Uint8Array) => T {
  const known = new Map<string, T>()
  return (bytes) => {
    const name = Buffer.from(bytes).toString('latin1')
    if (known.has(name)) return known.get(name) as T
    if (known.size >= ENTRIES_MAX) known.clear()
    const answer = compute(bytes)
    known.set(name, answer)
    return answer
  }
}
