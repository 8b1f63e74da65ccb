import { recentActivity } from '../../../src/protocol/activity.ts'
import { recentRequests } from '../../../src/protocol/approval-uses.ts'
import { equalBytes } from '../../../src/protocol/bytes.ts'
import { type ChainStep, chainStep, type Neighbours } from '../../../src/protocol/chain.ts'
import { paysUntil } from '../../../src/protocol/consent.ts'
import {
  addRange,
  type CounterSet,
  hasCounter,
  highestCounter,
  isWithinReach,
  type Range,
} from '../../../src/protocol/counters.ts'
import { COUNTER_RANGES_MAX } from '../../../src/protocol/limits.ts'
import { isInvalid, isVoided, type PaymentEntry, paymentsIn } from '../../../src/protocol/payment.ts'
import type { PaymentState } from '../../../src/protocol/payment-states.ts'
import type { Policy } from '../../../src/protocol/policy.ts'
import type { DecisionException, Receipt } from '../../../src/protocol/receipt.ts'
import type { Verdict } from '../../../src/protocol/rules.ts'
import { type BundleStatus, bundleStatus, statusOfDecision } from '../../../src/protocol/states.ts'
import { recentUnsynced } from '../../../src/protocol/unsynced.ts'
import { updateHistory } from '../../../src/risk/history.ts'
import { combine, judgeWithRisk } from '../../../src/risk/judge.ts'
import { assessLocally } from '../../../src/risk/local.ts'
import { recentConflicts, reputationAt } from '../../../src/risk/reputation.ts'
import type { AdmitRefusal, AdmitRequest } from '../admit-request.ts'
import type { AdmittedBy, StoredBundle } from '../bundle.ts'
import type { Device } from '../device.ts'
import { hasRoom, storedWith } from '../room.ts'
import { keysAfter, refusalOf } from './keys.ts'
import { contradicted, type KnownEntries } from './known-entries.ts'

/**
 * Checks 8–11 of docs/protocol.md §7.1 as one pure decision: idempotency → nonce → chain → room → rules, limits and risk for
 * each payment. It reads nothing and writes nothing; the object shows it what it holds and carries out what it says.
 */
export interface View {
  readonly device: Device
  /** The admitted bundle with this bundle_id. */
  readonly sameId: Pick<StoredBundle, 'seq' | 'digest' | 'receipt'> | undefined
  readonly sameNonce: Pick<StoredBundle, 'seq' | 'digest'> | undefined
  readonly neighbours: Neighbours
  /** Bundles before it that are missing. */
  readonly missingBefore: number
  /** `timeFloorMs` of the nearest admitted bundle with a lower seq; undefined when there is none. */
  readonly timeFloorMs: number | undefined
  /** Counters of the bundle that came before. */
  readonly known: KnownEntries
}

export type Admission =
  | { readonly kind: 'replayed'; readonly receipt: Uint8Array }
  | { readonly kind: 'refused'; readonly code: AdmitRefusal }
  /** Two stories, and the admitted bundle that tells the other one: keep both; a fork also suspends the device. */
  | {
      readonly kind: 'contradiction'
      readonly code: 'bundle_conflict' | 'nonce_replayed' | 'chain_fork'
      readonly against: Pick<StoredBundle, 'seq' | 'digest'> | undefined
    }
  | {
      readonly kind: 'admit'
      readonly receipt: Receipt
      readonly bundle: NewBundle
      readonly device: DeviceChange
      readonly conflict: CounterConflict | undefined
      /** Seqs and counters that its device left out, because it had lost its state. */
      readonly leftOut: { readonly seqs: Range; readonly counters: Range | undefined } | undefined
    }

export type Contradiction = Extract<Admission, { kind: 'contradiction' }>

/** The bundle voids what came as a payment, or the other way round: admitted for the rest of it, and kept as evidence. */
export interface CounterConflict {
  readonly code: 'counter_conflict'
  readonly against: Pick<StoredBundle, 'seq' | 'digest'>
}

/** The row to be written, once its receipt is signed. */
export type NewBundle = Omit<StoredBundle, 'receipt'>
export type DeviceChange = Pick<
  Device,
  'head' | 'counters' | 'activity' | 'unsynced' | 'usedRequests' | 'stored' | 'history' | 'policy' | 'olderKeys'
>

export function decideAdmission(view: View, asked: AdmitRequest, nowMs: number): Admission {
  const { device, sameId } = view
  const request = { ...asked, policy: newest(asked.policy, device.policy) }
  const { claims, digest, payload } = request
  const refusal = refusalOf(device, claims)
  if (refusal !== undefined) return refuse(refusal)

  if (sameId !== undefined) {
    const same = equalBytes(sameId.digest, digest)
    return same ? { kind: 'replayed', receipt: sameId.receipt } : contradiction('bundle_conflict', sameId)
  }
  if (view.sameNonce !== undefined) return contradiction('nonce_replayed', view.sameNonce)
  const step = chainStep({ seq: claims.seq, prev: claims.prev, digest }, view.neighbours)
  if (step.kind === 'fork') return contradiction('chain_fork', step.against)

  const first = payload.entries[0]?.counter ?? 0
  const last = first + payload.entries.length - 1
  // Refused before they are spent: a few wrong numbers must not use up all that a device has.
  if (!isWithinReach(claims.seq, device.head) || !isWithinReach(last, highestCounter(device.counters))) {
    return refuse('too_far_ahead')
  }
  const isFresh = ({ counter }: PaymentEntry) => !hasCounter(device.counters, counter)
  const fresh = paymentsIn(payload).filter(isFresh)
  const counters = addRange(device.counters, [first, last])
  if (counters.length > Math.max(device.counters.length, COUNTER_RANGES_MAX)) return refuse('counters_missing')
  const stored = storedWith(device.stored, request.bundle.length, nowMs)
  if (!hasRoom(stored)) return refuse('rate_limited')
  const { policy } = request
  const local = assessLocally({
    payments: fresh,
    policy,
    ownerWallet: device.ownerWallet,
    signedAtMs: claims.signedAtMs,
    countedMs: payload.countedMs,
    history: device.history,
    holes: step.holes,
    missingBefore: view.missingBefore,
    recentConflicts: recentConflicts(device.reputation, nowMs),
    deviceAgeMs: nowMs - device.registeredAtMs,
    reputation: reputationAt(device.reputation, nowMs),
  })
  const risk = combine(request.remote, local)
  // Nothing was taken before there was a device.
  const timeFloorMs = view.timeFloorMs ?? device.registeredAtMs
  const [disproven, unapproved] = [new Set(request.disproven), new Set(request.unapproved)]
  const paysUntilMs = paysUntil(device.consents, claims.kid, nowMs)
  const { deviceId: takerId, unsynced, usedRequests, ownerWallet } = device
  const context = {
    ...{ policy, nowMs, takerId, ownerWallet, paysUntilMs, timeFloorMs },
    ...{ unsynced, usedRequests, disproven, unapproved },
  }
  const judged = judgeWithRisk(fresh, device.activity, context, risk)
  const { score: riskScore, ...riskReasons } = risk.record
  const verdicts = new Map(fresh.map((payment, index) => [payment.counter, judged.verdicts[index]]))
  for (const { counter } of payload.entries.filter(isInvalid).filter(isFresh)) verdicts.set(counter, INVALID)
  const contradicts = payload.entries.flatMap((entry) => contradicted(view.known, entry) ?? [])
  const verdictOf = (entry: PaymentEntry): readonly Verdict[] => {
    if (!isVoided(entry)) return [verdicts.get(entry.counter) ?? DUPLICATE]
    return contradicted(view.known, entry) === undefined ? [] : [DUPLICATE]
  }
  const decided = payload.entries.flatMap((entry) =>
    verdictOf(entry).map((verdict) => [entry.counter, verdict] as const),
  )
  const states = decided.map(([counter, verdict]) => stateOf(counter, verdict))
  const admitted = fresh.filter(({ counter }) => verdicts.get(counter)?.decision !== 'refused')
  const status = bundleStatus(states.map(([, paymentStatus]) => paymentStatus))

  return {
    kind: 'admit',
    receipt: {
      deviceId: device.deviceId,
      bundleId: claims.bundleId,
      digest,
      seq: claims.seq,
      receivedAtMs: nowMs,
      status,
      firstCounter: first,
      lastCounter: last,
      exceptions: decided.flatMap(([counter, verdict]) => exception(counter, verdict)),
      country: policy.country,
      policyVersion: policy.version,
    },
    bundle: {
      seq: claims.seq,
      bundleId: claims.bundleId,
      nonce: claims.nonce,
      digest,
      prev: claims.prev,
      bundle: request.bundle,
      receivedAtMs: nowMs,
      timeFloorMs: judged.timeFloorMs ?? timeFloorMs,
      currency: payload.currency,
      firstCounter: first,
      lastCounter: last,
      admittedCount: admitted.length,
      admittedAmount: admitted.reduce((sum, { amount }) => sum + amount, 0),
      policyVersion: request.policy.version,
      riskScore,
      riskReasons,
      payments: states,
      status,
      recorded: false,
      settledRev: 0,
      rev: 1,
      indexedRev: 0,
      updatedAtMs: nowMs,
      votes: [],
      admittedBy: { requestId: request.requestId, detail: admissionDetail(request, status, step) },
      settlements: [],
    },
    conflict: contradicts[0] && { code: 'counter_conflict', against: contradicts[0] },
    leftOut: step.leftOut && { seqs: step.leftOut, counters: skipped(device.counters, first) },
    device: {
      head: Math.max(device.head, claims.seq),
      counters,
      activity: recentActivity(judged.activity, request.policy, nowMs),
      unsynced: recentUnsynced(judged.unsynced ?? unsynced, request.policy, nowMs),
      usedRequests: recentRequests(judged.usedRequests ?? usedRequests, request.policy, nowMs),
      stored,
      history: updateHistory(device.history, fresh, judged.verdicts, {
        policy,
        ownerWallet: device.ownerWallet,
        nowMs,
      }),
      policy: request.policy,
      olderKeys: device.olderKeys.length > 0 ? keysAfter(device, claims) : device.olderKeys,
    },
  }
}

/** What the audit record of an admission says besides the bundle's row. */
function admissionDetail(
  { from, claims, carrier }: AdmitRequest,
  status: BundleStatus,
  { holes, leftOut }: Extract<ChainStep, { kind: 'continues' }>,
): AdmittedBy['detail'] {
  return {
    status,
    ...(holes > 0 && { holes }),
    ...(leftOut && { left_out: `${leftOut[0]}-${leftOut[1]}` }),
    ...(claims.relay && { carried_by: carrier ?? 'unknown' }),
    ...(from && { via: from }),
  }
}

/** Counters between the highest that was seen and the first that came now. */
function skipped(seen: CounterSet, first: number): Range | undefined {
  const next = highestCounter(seen) + 1
  return next < first ? [next, first - 1] : undefined
}

/** Versions only grow: an isolate that could not read D1, or read it a while ago, must not take a device back. */
const newest = (asked: Policy | undefined, known: Policy): Policy =>
  asked !== undefined && asked.version >= known.version ? asked : known

const refuse = (code: AdmitRefusal): Admission => ({ kind: 'refused', code })
const contradiction = (code: Contradiction['code'], against: Contradiction['against']): Admission => ({
  kind: 'contradiction',
  code,
  against,
})

const INVALID: Verdict = { decision: 'refused', reason: 'invalid_payment' }
/** The counter came in another bundle: that one decides, this copy must not count, post or void again. */
const DUPLICATE: Verdict = { decision: 'refused', reason: 'duplicate' }

function stateOf(counter: number, { decision, reason }: Verdict): PaymentState {
  const status = statusOfDecision(decision)
  return reason === undefined ? [counter, status] : [counter, status, reason]
}

function exception(counter: number, { decision, reason }: Verdict): DecisionException[] {
  if (decision === 'accepted') return []
  return [{ counter, decision, ...(reason !== undefined && { reason }) }]
}
