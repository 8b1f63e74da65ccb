import { type Payment, paymentsIn } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { decisionFor } from '../../src/protocol/receipt.ts'
import { type Authority, debitAuthority, type Taker } from '../registry/authority.ts'
import type { Registry } from '../registry/registry.ts'
import type { VerifiedBundle } from './verify-bundle.ts'

/** A verified bundle, and by what right each of its payments debits its wallet. */
export interface AuthorisedBundle {
  readonly verified: VerifiedBundle
  readonly policy: Policy
  readonly taker: Taker
  /** Without the voided. */
  readonly payments: readonly Payment[]
  readonly authorities: readonly Authority[]
  /** Devices that an authorization names and that may still come; without them such a payment waits for a person. */
  readonly unknownPayers: readonly string[]
  /** The edge took a payment of it by a consent that is still on its way: without it the payment must not fail. */
  readonly awaitsConsent: boolean
}

export async function authorise(
  verified: VerifiedBundle,
  policy: Policy,
  taker: Taker,
  registry: Registry,
): Promise<AuthorisedBundle> {
  const payments = paymentsIn(verified.payload)
  const authorities = await Promise.all(
    payments.map((p) => debitAuthority(p, policy, taker, verified.receipt.receivedAtMs, registry)),
  )
  const unknownPayers = payments.flatMap((payment, i) => {
    const authority = authorities[i]
    return authority?.kind === 'unknown_payer_device' && isAlive(verified, payment) ? [authority.payerDeviceId] : []
  })
  const awaitsConsent = payments.some(
    (payment, i) => authorities[i]?.kind === 'unknown_consent' && isAlive(verified, payment),
  )
  return { verified, policy, taker, payments, authorities, unknownPayers: [...new Set(unknownPayers)], awaitsConsent }
}

/** Not refused by the edge: what may still move money. */
export function isAlive({ receipt }: VerifiedBundle, { counter }: Payment): boolean {
  return decisionFor(receipt, counter).decision !== 'refused'
}
