import { CUSTOMERS, customer, MERCHANTS, merchant } from './server.ts'

/** A payment as it reaches the posting function. */
export interface BenchPayment {
  readonly deviceId: string
  readonly counter: number
  readonly sender: string
  readonly receiver: string
  readonly amount: number
}

export type Shape =
  /** Any customer pays any merchant. */
  | 'spread'
  /** 80 % of the payments go to ten merchants. */
  | 'hot'

let devices = 0

/** Batches that no other run has posted: each bundle of 50 payments is of a device of its own. */
export function makeBatches(payments: number, size: number, shape: Shape = 'spread'): BenchPayment[][] {
  const batches: BenchPayment[][] = []
  for (let at = 0; at < payments; at += size) {
    batches.push(
      Array.from({ length: Math.min(size, payments - at) }, (_, i) => {
        if (i % 50 === 0) devices += 1
        const n = (devices * 50 + i) * 7919
        const isHot = shape === 'hot' && i % 5 !== 0
        return {
          deviceId: `POS-${devices}`,
          counter: (i % 50) + 1,
          sender: customer(n % CUSTOMERS),
          receiver: merchant(isHot ? n % 10 : n % MERCHANTS),
          amount: 200 + (n % 9500),
        }
      }),
    )
  }
  return batches
}
