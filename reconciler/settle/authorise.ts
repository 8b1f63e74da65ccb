import { type Payment, paymentsIn } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { decisionFor } from '../../src/protocol/receipt.ts'
import { type Approval, approvalBy } from '../registry/approvals.ts'
import { type Authority, debitAuthority, type Taker } from '../registry/authority.ts'
import type { Registry } from '../registry/registry.ts'
import type { VerifiedBundle } from './verify-bundle.ts'

/** A verified bundle, by what right each of its payments debits its wallet, and whether an agent has approved what needs that. */
export interface AuthorisedBundle {
  readonly verified: VerifiedBundle
  readonly policy: Policy
  readonly taker: Taker
  /** Without the voided. */
  readonly payments: readonly Payment[]
  readonly authorities: readonly Authority[]
  readonly approvals: readonly Approval[]
  /** Devices that an authorization or an approval names and that may still come; without them such a payment waits for a person. */
  readonly unknownSigners: readonly string[]
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
  const { receivedAtMs } = verified.receipt
  const [authorities, approvals] = await Promise.all([
    Promise.all(
      payments.map((payment) => debitAuthority(payment, policy, taker, receivedAtMs, registry, verified.passes)),
    ),
    Promise.all(payments.map((payment) => approvalBy(payment, policy, taker, receivedAtMs, registry))),
  ])
  const unknownSigners = payments.flatMap((payment, i) => {
    const [authority, approval] = [authorities[i], approvals[i]]
    if (!isAlive(verified, payment)) return []
    return [
      ...(authority?.kind === 'unknown_payer_device' ? [authority.payerDeviceId] : []),
      ...(approval?.kind === 'unknown_agent_device' ? [approval.agentDeviceId] : []),
    ]
  })
  const awaitsConsent = payments.some(
    (payment, i) => authorities[i]?.kind === 'unknown_consent' && isAlive(verified, payment),
  )
  const unknown = { unknownSigners: [...new Set(unknownSigners)], awaitsConsent }
  return { verified, policy, taker, payments, authorities, approvals, ...unknown }
}

/** Not refused by the edge: what may still move money. */
export function isAlive({ receipt }: VerifiedBundle, { counter }: Payment): boolean {
  return decisionFor(receipt, counter).decision !== 'refused'
}
