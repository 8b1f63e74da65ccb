import type { SeenPayment } from './history.ts'

/**
 * How crowded it is around each payment of the bundle: the most that `measure` finds in a span of time with the payment
 * in it. Each has its own number, so that another, larger crowd elsewhere takes nothing from this one; and what only the
 * history did has none, because it was judged when it came.
 *
 * @param payments in order of time
 * @param measure never less for more payments; so only windows that cannot be extended have to be looked at
 * @returns by counter
 */
export function crowds(
  payments: readonly SeenPayment[],
  spanMs: number,
  measure: (window: readonly SeenPayment[]) => number = (window) => window.length,
): ReadonlyMap<number, number> {
  const most = new Map<number, number>()
  let start = 0
  payments.forEach(({ atMs }, end) => {
    while (atMs - (payments[start]?.atMs ?? atMs) >= spanMs) start++
    const next = payments[end + 1]
    if (next !== undefined && next.atMs - (payments[start]?.atMs ?? 0) < spanMs) return
    const window = payments.slice(start, end + 1)
    if (window.every(({ counter }) => counter === undefined)) return
    const found = measure(window)
    for (const { counter } of window) {
      if (counter !== undefined) most.set(counter, Math.max(found, most.get(counter) ?? 0))
    }
  })
  return most
}

/** Keeps what is greater of two strengths about one payment. */
export function raise(strengths: Map<number, number>, counter: number, strength: number): void {
  if (strength > (strengths.get(counter) ?? 0)) strengths.set(counter, strength)
}
