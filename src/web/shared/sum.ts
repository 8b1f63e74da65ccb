import { formatAmount } from '../../ui/index.ts'

/** `12 000 F CFA`; with a `+` between currencies. */
export function sumOf(all: readonly { readonly amount: number; readonly currency: string }[]): string {
  const sums = new Map<string, number>()
  for (const { currency, amount } of all) sums.set(currency, (sums.get(currency) ?? 0) + amount)
  return [...sums].map(([currency, sum]) => formatAmount(sum, currency)).join(' + ')
}
