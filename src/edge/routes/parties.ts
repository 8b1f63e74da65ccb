import type { Payment } from '../../protocol/payment.ts'

/** A wallet as people see it who decide about payments: by today's name, and how often it stands in what waits. */
export interface Party {
  readonly name: string
  /** Payments that wait now and name this wallet, on either side, and on how many devices. */
  readonly waiting: number
  readonly devices: number
}

/** Payments of one device that wait. */
export interface WaitingPayments {
  readonly deviceId: string
  readonly payments: readonly Pick<Payment, 'sender' | 'receiver'>[]
}

export const walletsIn = (payments: readonly Pick<Payment, 'sender' | 'receiver'>[]): readonly string[] =>
  payments.flatMap(({ sender, receiver }) => [sender, receiver])

/**
 * Counts each wallet, so that one which is emptied from many tills shows, although every one of them looks at its own payments
 * only. Pure.
 *
 * @param names of all wallets (src/crypto/day-names.ts)
 */
export function partiesIn(
  waiting: readonly WaitingPayments[],
  names: ReadonlyMap<string, string>,
): (wallet: string) => Party {
  const found = new Map<string, { waiting: number; readonly devices: Set<string> }>()
  for (const { deviceId, payments } of waiting) {
    for (const wallet of payments.flatMap(({ sender, receiver }) => [...new Set([sender, receiver])])) {
      const known = found.get(wallet) ?? { waiting: 0, devices: new Set() }
      known.waiting += 1
      known.devices.add(deviceId)
      found.set(wallet, known)
    }
  }
  return (wallet) => {
    const { waiting, devices } = found.get(wallet) ?? { waiting: 0, devices: new Set() }
    return { name: names.get(wallet) ?? '', waiting, devices: devices.size }
  }
}
