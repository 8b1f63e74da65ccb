import type { PaymentType } from '../../src/protocol/payment.ts'
import type { PaymentStatus } from '../../src/protocol/states.ts'

/** How many payments of a type came to a status, in a transaction that is committed. */
export interface StatusCount {
  readonly type: PaymentType
  readonly status: PaymentStatus
  readonly count: number
}

/** One for each type and status that occurs. */
export function countByStatus(payments: readonly Omit<StatusCount, 'count'>[]): readonly StatusCount[] {
  const groups = Map.groupBy(payments, ({ type, status }) => `${type}/${status}`)
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map(({ type, status }) => ({ type, status, count: group.length })),
  )
}
