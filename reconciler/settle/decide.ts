import { isVoided, type Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { decisionFor } from '../../src/protocol/receipt.ts'
import type { Verdict } from '../../src/protocol/rules.ts'
import { DECISIONS, type PaymentStatus } from '../../src/protocol/states.ts'
import { type Assessment, judgeWithRisk } from '../../src/risk/judge.ts'
import { type Authority, debitAuthority } from '../registry/authority.ts'
import type { Registry } from '../registry/registry.ts'
import { contentHash } from './content-hash.ts'
import type { VerifiedBundle } from './verify-bundle.ts'

/** A payment as it goes to the book: `pending` is to be posted, everything else is what it is. */
export interface DecidedPayment {
  readonly payment: Payment
  readonly hash: Uint8Array
  readonly status: Extract<PaymentStatus, 'pending' | 'failed' | 'refused' | 'review' | 'quarantined'>
  readonly reason?: string
  readonly riskScore?: number
  /** Whether the wallet may be debited: what people approve later is not posted without. */
  readonly payerProven: boolean
  /** The payer's signature that it uses up. */
  readonly proof?: { readonly payerDeviceId: string; readonly nonce: Uint8Array }
}

/** A verified bundle, and by what right each of its payments debits its wallet. */
export interface AuthorisedBundle {
  readonly verified: VerifiedBundle
  readonly policy: Policy
  readonly ownerWallet: string
  /** Without the voided. */
  readonly payments: readonly Payment[]
  readonly authorities: readonly Authority[]
  /** Devices that an authorization names and that may still come; without them such a payment waits for a person. */
  readonly unknownPayers: readonly string[]
}

export async function authorise(
  verified: VerifiedBundle,
  policy: Policy,
  ownerWallet: string,
  registry: Registry,
): Promise<AuthorisedBundle> {
  const payments = verified.payload.entries.filter((entry): entry is Payment => !isVoided(entry))
  const authorities = await Promise.all(
    payments.map((p) => debitAuthority(p, policy, ownerWallet, verified.receipt.receivedAtMs, registry)),
  )
  const unknownPayers = payments.flatMap((payment, i) => {
    const authority = authorities[i]
    return authority?.kind === 'unknown_payer_device' && isAlive(verified, payment) ? [authority.payerDeviceId] : []
  })
  return { verified, policy, ownerWallet, payments, authorities, unknownPayers: [...new Set(unknownPayers)] }
}

/** Not refused by the edge: what may still move money. */
export function isAlive({ receipt }: VerifiedBundle, { counter }: Payment): boolean {
  return decisionFor(receipt, counter).decision !== 'refused'
}

/** What is known of the payments besides the bundle itself. */
export interface Findings {
  /** Undefined when there is nothing alive to score. */
  readonly risk: Assessment | undefined
  /** Counters of payments that another device seems to have recorded too. */
  readonly twins: ReadonlySet<number>
}

/**
 * The edge's decision, as the receipt promised it to the device, held against the same rules, this side's own score and
 * the authority to debit. The strictest word holds: nothing that the edge refused or holds back is posted; what it
 * accepted may be held back here, or fail.
 */
export async function decidePayments(bundle: AuthorisedBundle, { risk, twins }: Findings) {
  const { verified, payments, authorities } = bundle
  const hashes = await Promise.all(payments.map(contentHash))
  const judged = judge(bundle, risk)
  return payments.map((payment, i): DecidedPayment => {
    const { counter } = payment
    const authority = authorities[i] as Authority
    const edge = decisionFor(verified.receipt, counter)
    const here = stricter(judged.get(counter) ?? ACCEPTED, twins.has(counter) ? TWIN : ACCEPTED)
    const score = isAlive(verified, payment) ? risk?.riskOf(counter) : undefined
    return {
      payment,
      hash: hashes[i] as Uint8Array,
      ...(score !== undefined && { riskScore: score }),
      ...statusOf(edge, here, authority),
    }
  })
}

const ACCEPTED: Verdict = { decision: 'accepted' }
const TWIN: Verdict = { decision: 'review', reason: 'duplicate' }
/** The payer's device was waited for in vain: that is nobody's fault yet, and a person looks. */
const UNPROVEN: Verdict = { decision: 'review', reason: 'payer_not_proven' }

/**
 * The policy's rules as of the time of admission. Not the daily limits and the times of earlier bundles: those depend on
 * the order in which the edge admitted bundles, and here they come in another.
 */
function judge({ verified, policy, ownerWallet, payments }: AuthorisedBundle, risk: Assessment | undefined) {
  const alive = payments.filter((payment) => isAlive(verified, payment))
  if (risk === undefined) return new Map<number, Verdict>()
  const context = { policy, nowMs: verified.receipt.receivedAtMs, ownerWallet, timeFloorMs: undefined }
  const { verdicts } = judgeWithRisk(alive, new Map(), context, risk)
  return new Map(alive.map(({ counter }, i) => [counter, verdicts[i] as Verdict]))
}

type Word = ReturnType<typeof decisionFor> | Verdict
const stricter = (a: Word, b: Word): Word => (DECISIONS.indexOf(b.decision) > DECISIONS.indexOf(a.decision) ? b : a)

function statusOf(
  edge: Word,
  here: Word,
  authority: Authority,
): Pick<DecidedPayment, 'status' | 'reason' | 'payerProven' | 'proof'> {
  const payerProven = authority.kind === 'not_needed' || authority.kind === 'signed'
  const proof = authority.kind === 'signed' ? { proof: authority } : {}
  // Refused is the edge's word alone: what it took, and counted towards the day, can only fail.
  if (edge.decision === 'refused') return { status: 'refused', ...reasonOf(edge), payerProven }
  if (here.decision === 'refused') return { status: 'failed', ...reasonOf(here), payerProven }
  // What people have been shown already waits for their word; what they have not is not held when it could never be posted.
  if (edge.decision === 'accepted' && authority.kind === 'none')
    return { status: 'failed', ...reasonOf(UNPROVEN), payerProven }
  const word = stricter(stricter(edge, here), authority.kind === 'unknown_payer_device' ? UNPROVEN : ACCEPTED)
  const status = word.decision === 'accepted' ? 'pending' : (word.decision as 'review' | 'quarantined')
  return { status, ...reasonOf(word), payerProven, ...proof }
}

const reasonOf = ({ reason }: Word) => (reason === undefined ? {} : { reason })
