/** Payments, and their sum in minor units of one currency. */
export interface Amount {
  readonly count: number
  readonly minor: number
}

export const sum = (amounts: readonly Amount[]): Amount => ({
  count: amounts.reduce((total, { count }) => total + count, 0),
  minor: amounts.reduce((total, { minor }) => total + minor, 0),
})

export const minus = (a: Amount, b: Amount): Amount => ({ count: a.count - b.count, minor: a.minor - b.minor })

export const isNothing = ({ count, minor }: Amount): boolean => count === 0 && minor === 0
