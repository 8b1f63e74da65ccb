import type { OfflinePayment } from '../../device/sdk/index.ts'

/** What a day's payments came to, minor units. Only a verified outcome counts as settled. */
export interface Totals {
  readonly settled: Total
  /** Without an outcome: on the device, at the server, or with a person. */
  readonly waiting: Total
  /** Failed, refused, given back or voided: no money for the shop. */
  readonly notPaid: Total
}

export interface Total {
  readonly count: number
  readonly value: number
}

export function totalsOf(payments: readonly OfflinePayment[]): Totals {
  const sum = (wanted: keyof Totals): Total => {
    // A refund that came to nothing took nothing from the shop.
    const found = payments.filter(({ status, type }) => {
      return heading(status) === wanted && !(type === 'refund' && wanted === 'notPaid')
    })
    return { count: found.length, value: found.reduce((total, payment) => total + broughtBy(payment), 0) }
  }
  return { settled: sum('settled'), waiting: sum('waiting'), notPaid: sum('notPaid') }
}

/** What was given back is not the shop's any more. */
const broughtBy = ({ type, amount }: OfflinePayment): number => (type === 'refund' ? -amount : amount)

function heading(status: OfflinePayment['status']): keyof Totals {
  switch (status) {
    case 'succeeded':
      return 'settled'
    case 'failed':
    case 'refused':
    case 'reversed':
    case 'voided':
      return 'notPaid'
    case 'pending_offline':
    case 'pending':
    case 'review':
    case 'quarantined':
    case 'claimed':
      return 'waiting'
  }
}
