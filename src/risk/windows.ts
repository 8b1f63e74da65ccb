import type { SeenPayment } from './history.ts'

/** Payments that stand within a span of time of each other. */
export const DAY_MS = 86_400_000

/**
 * The largest group of payments that fit into `spanMs` and of which at least one is in the bundle: what only the
 * history did was judged when it came.
 *
 * @param payments in order of time
 */
export function densest(payments: readonly SeenPayment[], spanMs: number): readonly SeenPayment[] {
  let best: readonly SeenPayment[] = []
  let start = 0
  let lastOfBundle = -1
  payments.forEach((payment, end) => {
    if (payment.counter !== undefined) lastOfBundle = end
    while (payment.atMs - (payments[start]?.atMs ?? 0) >= spanMs) start++
    if (lastOfBundle >= start && end - start + 1 > best.length) best = payments.slice(start, end + 1)
  })
  return best
}

/** The same strength for each of the bundle's payments among these. */
export function aboutAll(payments: readonly SeenPayment[], strength: number): Map<number, number> {
  return new Map(payments.flatMap(({ counter }) => (counter === undefined ? [] : [[counter, strength] as const])))
}

/** Keeps the greater strength where two groups share a payment. */
export function raise(into: Map<number, number>, more: ReadonlyMap<number, number>): void {
  for (const [counter, strength] of more) into.set(counter, Math.max(strength, into.get(counter) ?? 0))
}
