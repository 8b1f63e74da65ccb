import { isVoided, type Payment } from '../src/protocol/payment.ts'
import type { Policy } from '../src/protocol/policy.ts'
import { decisionFor } from '../src/protocol/receipt.ts'
import type { PaymentStatus } from '../src/protocol/states.ts'
import { type Authority, debitAuthority } from './authority.ts'
import { contentHash } from './content-hash.ts'
import type { Registry } from './registry.ts'
import type { VerifiedBundle } from './verify-bundle.ts'

/** A payment as it goes to the book: `pending` is to be posted, everything else is what it is. */
export interface DecidedPayment {
  readonly payment: Payment
  readonly hash: Uint8Array
  readonly status: Extract<PaymentStatus, 'pending' | 'failed' | 'refused' | 'review' | 'quarantined'>
  readonly reason?: string
  /** The payer's signature that it uses up. */
  readonly proof?: { readonly payerDeviceId: string; readonly nonce: Uint8Array }
}

/**
 * The edge's decision, as the receipt promised it to the device, held against the authority to debit. Nothing that the
 * edge refused or holds back is posted; what it accepted may still fail here.
 *
 * @returns undefined when a payer's device is not known and may still come
 */
export async function decidePayments(
  { payload, receipt }: VerifiedBundle,
  policy: Policy,
  ownerWallet: string,
  registry: Registry,
  mayWait: boolean,
): Promise<readonly DecidedPayment[] | undefined> {
  const payments = payload.entries.filter((entry): entry is Payment => !isVoided(entry))
  const authorities = await Promise.all(payments.map((p) => debitAuthority(p, policy, ownerWallet, registry)))
  const open = payments.some(
    ({ counter }, i) =>
      decisionFor(receipt, counter).decision !== 'refused' && authorities[i]?.kind === 'unknown_payer_device',
  )
  if (open && mayWait) return undefined
  const hashes = await Promise.all(payments.map(contentHash))
  return payments.map((payment, i): DecidedPayment => {
    const hash = hashes[i] as Uint8Array
    return { payment, hash, ...statusOf(decisionFor(receipt, payment.counter), authorities[i] as Authority) }
  })
}

function statusOf(
  { decision, reason }: ReturnType<typeof decisionFor>,
  authority: Authority,
): Pick<DecidedPayment, 'status' | 'reason' | 'proof'> {
  const proof = authority.kind === 'signed' ? { proof: authority } : {}
  switch (decision) {
    case 'refused':
    case 'review':
    case 'quarantined':
      return { status: decision, ...(reason !== undefined && { reason }), ...(decision !== 'refused' && proof) }
    case 'accepted': {
      const proven = authority.kind === 'not_needed' || authority.kind === 'signed'
      return proven ? { status: 'pending', ...proof } : { status: 'failed', reason: 'payer_not_proven' }
    }
  }
}
