import type { PaymentTerms } from '../../src/device/sdk/index.ts'
import type { Random } from '../time/random.ts'

/** Who has a wallet in this world, of which kind, and what is in it at the beginning. */
export interface Wallet {
  readonly wallet: string
  readonly kind: 'customer' | 'merchant' | 'agent'
  readonly amount: number
}

const CUSTOMERS = 5
/** Not enough for all who want it. */
export const SCARCE = { wallet: '+221770009001', kind: 'customer', amount: 7_000 } as const
const POOR = { wallet: '+221770009002', kind: 'customer', amount: 0 } as const
const UNKNOWN = '+221770009099'
/** He approves what others pay, and takes no part in it. */
export const AGENT = { wallet: '+221780009100', kind: 'agent', amount: 0 } as const

export const customerOf = (n: number): string => `+22177000${String(1000 + n)}`

/** @param owners wallets of the devices' owners */
export function openWallets(owners: readonly string[]): readonly Wallet[] {
  return [
    ...owners.map((wallet): Wallet => ({ wallet, kind: 'merchant', amount: 400_000 })),
    ...Array.from(
      { length: CUSTOMERS },
      (_, n): Wallet => ({ wallet: customerOf(n), kind: 'customer', amount: 150_000 }),
    ),
    SCARCE,
    POOR,
    AGENT,
  ]
}

/** What a customer and the device's owner agree on: mostly small sums, some at, under and over a limit. @param limits minor units */
export function deal(random: Random, owner: string, limits: readonly number[]): PaymentTerms {
  const isNear = random.chance(0.3)
  const amount = isNear ? Math.max(1, random.pick(limits) + random.between(-1, 1)) : 100 + 5 * random.between(0, 600)
  const payer = random.weighted({ customer: 6, owner: 3, scarce: 2, poor: 0.5, unknown: 0.5 })
  const wallets = {
    customer: customerOf(random.between(0, CUSTOMERS - 1)),
    owner,
    scarce: SCARCE.wallet,
    poor: POOR.wallet,
    unknown: UNKNOWN,
  }
  const sender = wallets[payer]
  const paid = random.weighted({ customer: 3, poor: 1, scarce: 1 })
  const receiver = payer === 'owner' ? wallets[paid] : owner
  const type: PaymentTerms['type'] = random.weighted({ merchant: 6, p2p: 3, agent: 0.5 })
  return { type, amount, currency: 'XOF', sender, receiver }
}
