import { CLAIM_OPEN_MS } from '../../src/protocol/claims.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { decisionFor } from '../../src/protocol/receipt.ts'
import type { Verdict } from '../../src/protocol/rules.ts'
import { DECISIONS, type PaymentStatus } from '../../src/protocol/states.ts'
import { type Assessment, judgeWithRisk } from '../../src/risk/judge.ts'
import type { Approval } from '../registry/approvals.ts'
import type { Authority, PayerProof } from '../registry/authority.ts'
import { type AuthorisedBundle, isAlive } from './authorise.ts'
import { contentHash } from './content-hash.ts'

/** A payment as it goes to the book: `pending` is to be posted, everything else is final or waits for a person. */
export interface JudgedPayment {
  readonly payment: Payment
  readonly hash: Uint8Array
  readonly status: Extract<PaymentStatus, 'pending' | 'failed' | 'refused' | 'review' | 'quarantined' | 'claimed'>
  readonly reason?: string
  readonly riskScore?: number
  /** Whether the wallet may be debited: what people approve later is not posted without. */
  readonly payerProven: boolean
  /** Whether it needs no agent's approval, or has it: likewise. */
  readonly agentProven: boolean
  /** Until when its payer may confirm it; of a payment that came without the payer's word. */
  readonly claimUntilMs?: number
  /** The payer's signature that it uses up. */
  readonly proof?: PayerProof
  /** The agent's signature, and the taker's request that it uses up. */
  readonly approved?: { readonly agentDeviceId: string; readonly requestId: Uint8Array }
}

/** What is known of the payments besides the bundle itself. */
export interface Findings {
  /** Undefined when there is nothing alive to score. */
  readonly risk: Assessment | undefined
  /** Counters of payments that another device seems to have recorded too. */
  readonly twins: ReadonlySet<number>
  /** Counters that the device had given to no payment before. */
  readonly voided: ReadonlySet<number>
}

/**
 * Judges again what the edge admitted: its decision, as the receipt promised it to the device, is compared with what the
 * same rules say here, with this side's own score and with the authority to debit. The strictest of them counts: nothing
 * that the edge refused or keeps waiting is posted; what the edge accepted may have to wait here, or fail.
 */
export async function judgeAgain(bundle: AuthorisedBundle, { risk, twins, voided }: Findings) {
  const { verified, payments, authorities, approvals } = bundle
  const hashes = await Promise.all(payments.map(contentHash))
  const verdicts = verdictsOf(bundle, risk)
  return payments.map((payment, i): JudgedPayment => {
    const { counter } = payment
    const [authority, approval] = [authorities[i] as Authority, approvals[i] as Approval]
    const edge = decisionFor(verified.receipt, counter)
    const here = stricter(
      verdicts.get(counter) ?? ACCEPTED,
      twins.has(counter) || voided.has(counter) ? REPEATED : ACCEPTED,
    )
    const score = isAlive(verified, payment) ? risk?.riskOf(counter) : undefined
    return {
      payment,
      hash: hashes[i] as Uint8Array,
      ...(score !== undefined && { riskScore: score }),
      ...statusOf(edge, here, { authority, approval }, verified.receipt.receivedAtMs),
    }
  })
}

const ACCEPTED: Verdict = { decision: 'accepted' }
const CLAIMED: Verdict = { decision: 'claimed' }
const REPEATED: Verdict = { decision: 'review', reason: 'duplicate' }
/** The payer's device was waited for in vain: that is nobody's fault yet, and a person looks. */
const UNPROVEN: Verdict = { decision: 'review', reason: 'payer_not_proven' }
/** The agent's device likewise. */
const UNAPPROVED: Verdict = { decision: 'review', reason: 'approval_invalid' }

/**
 * The policy's rules as of the time of admission. Not the limits of a day and between syncs, nor the times of earlier bundles: they depend on
 * the order in which the edge admitted bundles, and here they come in another.
 */
function verdictsOf({ verified, policy, taker, payments }: AuthorisedBundle, risk: Assessment | undefined) {
  const alive = payments.filter((payment) => isAlive(verified, payment))
  if (risk === undefined) return new Map<number, Verdict>()
  const { deviceId: takerId, ownerWallet, statedUntilMs: paysUntilMs } = taker
  const nowMs = verified.receipt.receivedAtMs
  const context = { policy, nowMs, takerId, ownerWallet, paysUntilMs, timeFloorMs: undefined }
  const { verdicts } = judgeWithRisk(alive, new Map(), context, risk)
  return new Map(alive.map(({ counter }, i) => [counter, verdicts[i] as Verdict]))
}

type Judged = ReturnType<typeof decisionFor> | Verdict
const stricter = (a: Judged, b: Judged): Judged =>
  DECISIONS.indexOf(b.decision) > DECISIONS.indexOf(a.decision) ? b : a

function statusOf(
  edge: Judged,
  here: Judged,
  { authority, approval }: { readonly authority: Authority; readonly approval: Approval },
  receivedAtMs: number,
): Omit<JudgedPayment, 'payment' | 'hash' | 'riskScore'> {
  const isClaim = authority.kind === 'claimed' || edge.decision === 'claimed'
  const payerProven = !isClaim && (authority.kind === 'own_device' || authority.kind === 'signed')
  const agentProven = approval.kind === 'approved' || approval.kind === 'not_needed'
  const words = { payerProven, agentProven }
  const proofs = {
    ...(authority.kind === 'signed' && { proof: authority }),
    ...(approval.kind === 'approved' && { approved: approval }),
  }
  // Only the edge refuses: what it took, and counted towards the day, can only fail.
  if (edge.decision === 'refused') return { status: 'refused', ...reasonOf(edge), ...words }
  if (here.decision === 'refused') return { status: 'failed', ...reasonOf(here), ...words }
  // What people were shown already waits for their vote. What they were not shown does not wait when it could never be posted.
  if (!waitsForPeople(edge)) {
    if (authority.kind === 'none') return { status: 'failed', ...reasonOf(UNPROVEN), ...words }
    if (authority.kind === 'unknown_wallet') return { status: 'failed', reason: authority.kind, ...words }
    if (approval.kind === 'none') return { status: 'failed', ...reasonOf(UNAPPROVED), ...words }
  }
  const unproven = authority.kind === 'unknown_payer_device' ? UNPROVEN : isClaim ? CLAIMED : ACCEPTED
  const unapproved = approval.kind === 'unknown_agent_device' ? UNAPPROVED : ACCEPTED
  const strictest = stricter(stricter(stricter(edge, here), unproven), unapproved)
  const status =
    strictest.decision === 'accepted' ? 'pending' : (strictest.decision as 'claimed' | 'review' | 'quarantined')
  const claim = isClaim && { claimUntilMs: receivedAtMs + CLAIM_OPEN_MS }
  return { status, ...reasonOf(strictest), ...words, ...claim, ...proofs }
}

const waitsForPeople = ({ decision }: Judged) => decision === 'review' || decision === 'quarantined'

const reasonOf = ({ reason }: Judged) => (reason === undefined ? {} : { reason })
