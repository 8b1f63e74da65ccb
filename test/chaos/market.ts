import type { PaymentTerms } from '../../src/device/sdk/index.ts'

/** What must become of a payment, whatever happens on the way. */
type Fate = 'succeeded' | 'insufficient_funds' | 'unknown_wallet' | 'first_come'

export interface Deal {
  readonly terms: PaymentTerms
  readonly fate: Fate
}

const CUSTOMERS = 10
const RICH = 10_000_000
/** Its money is enough for some of those who want it, whoever comes first. */
export const CONTESTED = { wallet: 'W-CONTESTED', balance: 10_000, amount: 3_000 } as const
const POOR = 'W-POOR'
const UNKNOWN = 'W-UNKNOWN'

/**
 * Payments whose outcome does not depend on any order, so that the book can be compared with a model: customers never
 * run out of money, except for those that never had any. One wallet is contested: of its payments a known number succeeds.
 */
export class Market {
  readonly #random: () => number
  readonly wallets: ReadonlyMap<string, number>

  constructor(merchants: readonly string[], random: () => number) {
    this.#random = random
    this.wallets = new Map([
      ...merchants.map((wallet) => [wallet, 0] as const),
      ...Array.from({ length: CUSTOMERS }, (_, n) => [`W-CUSTOMER-${n}`, RICH] as const),
      [CONTESTED.wallet, CONTESTED.balance],
      [POOR, 0],
    ])
  }

  deal(merchant: string): Deal {
    const dice = this.#random()
    // Small enough to need no proof of the payer, and nothing that a scorer would hold back.
    // In steps of 5, as coins are: the stand-in for SIRA answers amounts that end in 666 or 777 on purpose.
    const amount = 100 + 5 * Math.floor(this.#random() * 580)
    const customer = `W-CUSTOMER-${Math.floor(this.#random() * CUSTOMERS)}`
    const from = (sender: string, fate: Fate, price = amount): Deal => ({
      terms: { type: 'merchant', amount: price, currency: 'XOF', sender, receiver: merchant },
      fate,
    })
    if (dice < 0.04) return from(UNKNOWN, 'unknown_wallet')
    if (dice < 0.08) return from(POOR, 'insufficient_funds')
    if (dice < 0.14) return from(CONTESTED.wallet, 'first_come', CONTESTED.amount)
    return from(customer, 'succeeded')
  }

  /** The balances that follow from payments that moved money. */
  balancesAfter(moved: readonly Pick<PaymentTerms, 'sender' | 'receiver' | 'amount'>[]): ReadonlyMap<string, number> {
    const balances = new Map(this.wallets)
    const add = (wallet: string, amount: number) => balances.set(wallet, (balances.get(wallet) ?? Number.NaN) + amount)
    for (const { sender, receiver, amount } of moved) {
      add(sender, -amount)
      add(receiver, amount)
    }
    return balances
  }
}
