import { approvalOf, needsApproval } from '../../src/protocol/approval.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { judgeSecond, type Taker } from './authority.ts'
import type { RegisteredDevice, Registry } from './registry.ts'

/** Whether an agent has approved a payment. That its form, time and taker are right the policy's rules say. */
export type Approval =
  | { readonly kind: 'not_needed' }
  /** By the agent's own signature; the taker's request must not have been used in the book before. */
  | { readonly kind: 'approved'; readonly agentDeviceId: string; readonly requestId: Uint8Array }
  /** It names a device, a key of it, or its consent, that is not known here, or not yet. */
  | { readonly kind: 'unknown_agent_device'; readonly agentDeviceId: string }
  /** What it carries is no agent's approval of it, or nothing. */
  | { readonly kind: 'none' }

/** The device whose key a payment's approval must be verified with, if one is needed. */
export const agentDeviceOf = (payment: Payment, policy: Policy, { deviceId }: Taker): string | undefined =>
  needsApproval(payment, policy) ? approvalOf(payment, deviceId)?.claims.deviceId : undefined

/**
 * @param receivedAtMs of the bundle, as its receipt says
 * @param registry holds at least the agent's device, when it is registered
 */
export async function approvalBy(
  payment: Payment,
  policy: Policy,
  taker: Taker,
  receivedAtMs: number,
  registry: Registry,
): Promise<Approval> {
  if (!needsApproval(payment, policy)) return { kind: 'not_needed' }
  const approval = approvalOf(payment, taker.deviceId)
  if (approval === undefined) return { kind: 'none' }
  const { deviceId: agentDeviceId, requestId } = approval.claims
  const isTheirs = (device: RegisteredDevice) => mayApprove(device, payment, taker)
  const second = { signed: approval, kind: 'molam-agent-approval-v1', isTheirs } as const
  switch (await judgeSecond(second, payment, { policy, atMs: taker.atMs, receivedAtMs }, registry)) {
    case 'holds':
      return { kind: 'approved', agentDeviceId, requestId }
    case 'unknown_device':
      return { kind: 'unknown_agent_device', agentDeviceId }
    case 'false':
      return { kind: 'none' }
  }
}

/** The ledger alone says whose wallet is an agent's. Nobody approves what he is a party to, on whichever of his devices. */
export const mayApprove = (
  { walletKind, tenant, ownerWallet }: Pick<RegisteredDevice, 'walletKind' | 'tenant' | 'ownerWallet'>,
  { sender, receiver }: Payment,
  taker: Pick<Taker, 'tenant' | 'ownerWallet'>,
): boolean =>
  walletKind === 'agent' && tenant === taker.tenant && ![sender, receiver, taker.ownerWallet].includes(ownerWallet)
