import type { Wanted } from '../../reconciler/pull/inbox.ts'
import type { PolicyReader } from '../../reconciler/registry/policies.ts'
import { policyKey } from '../../reconciler/registry/policies.ts'
import { waitedMs } from '../../reconciler/settle/attempt.ts'
import { type AuthorisedBundle, authorise } from '../../reconciler/settle/authorise.ts'
import { judgeAgain } from '../../reconciler/settle/judge-again.ts'
import { type LateProof, type LostProof, lostProofOf, proofOf } from '../../reconciler/settle/late-proof.ts'
import type { PreparedBundle } from '../../reconciler/settle/post.ts'
import {
  awaitedDevices,
  type InboxBundle,
  SIGNER_WAIT_MAX_MS,
  signersOf,
  takerIn,
} from '../../reconciler/settle/prepare.ts'
import { refundsIn } from '../../reconciler/settle/refunded.ts'
import type { RiskScorer } from '../../reconciler/settle/risk.ts'
import { twinsOf } from '../../reconciler/settle/twins.ts'
import { verifyBundle } from '../../reconciler/settle/verify-bundle.ts'
import { voidedOf } from '../../reconciler/settle/voided.ts'
import { bundleSubject, type Subject } from '../../reconciler/tell/outbox.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { recordedTwins, recordedVoids } from './findings.ts'
import { useProof, useRequest } from './record.ts'
import { isVoided, paidFor } from './refunds.ts'
import { loadDevices } from './registry.ts'
import { counterKey, type ModelState, type ResolutionRow } from './state.ts'

/**
 * What the reconciler decides about bundles before anything is changed:
 *
 *   devices → verify and open → policy → payers' and agents' devices → risk, twins, voided numbers → judge again
 *
 * The decisions are production's own functions; what they ask the book for comes from the model's state.
 */
export interface SettleDeps {
  readonly state: ModelState
  readonly keys: KeyProvider
  readonly trusted: readonly TrustedKey[]
  readonly policies: PolicyReader
  readonly risk: RiskScorer
  readonly clock: () => number
}

/** What is to be done with a bundle. */
export type Decision =
  | { readonly kind: 'post'; readonly prepared: PreparedBundle }
  /** `verified` when it is authentic: then the edge need not send it again. */
  | { readonly kind: 'wait'; readonly of: InboxBundle; readonly wanted: Wanted; readonly verified?: Subject }
  | { readonly kind: 'park'; readonly of: InboxBundle; readonly fault: string }

/** @returns a decision for each, those that can be posted last and in the order given */
export async function decide(deps: SettleDeps, bundles: readonly InboxBundle[]): Promise<readonly Decision[]> {
  const looked = await Promise.all(bundles.map((one) => authoriseOne(deps, one)))
  const decisions = looked.flatMap((one) => ('kind' in one ? [one] : []))
  const ready = looked.flatMap((one) => ('kind' in one ? [] : [one]))
  const authorised = ready.map(({ bundle }) => bundle)
  if (authorised.length === 0) return decisions
  const [risks, twins] = await Promise.all([
    deps.risk(authorised),
    twinsOf(authorised, async (lines) => recordedTwins(deps.state, lines)),
  ])
  const recorded = authorised.map((bundle) => recordedVoids(deps.state, bundle))
  const voided = voidedOf(authorised, recorded)
  const posted = ready.map(async ({ of, bundle }, i): Promise<Decision> => {
    const findings = { risk: risks[i], twins: twins[i] ?? NONE, voided: voided[i] ?? NONE }
    const payments = await judgeAgain(bundle, findings)
    const { verified, policy } = bundle
    return { kind: 'post', prepared: { ...of, verified, policy, risk: risks[i]?.record, payments } }
  })
  return [...decisions, ...(await Promise.all(posted))]
}

const NONE: ReadonlySet<number> = new Set()

type Authorised = { readonly of: InboxBundle; readonly bundle: AuthorisedBundle }

async function authoriseOne(deps: SettleDeps, of: InboxBundle): Promise<Decision | Authorised> {
  const { row, message } = of
  const registry = await loadDevices(deps.state, [message.deviceId])
  const result = await verifyBundle(message, registry, deps.keys, deps.trusted)
  if (!result.ok) {
    if (result.error !== 'unknown_device') return { kind: 'park', of, fault: result.error }
    return { kind: 'wait', of, wanted: { what: 'device', devices: [message.deviceId] } }
  }
  const verified = result.value
  const { country, policyVersion } = verified.receipt
  // Told once: a bundle that waited for something after its device has been confirmed already.
  const isTold = ['policy', 'payer_device', 'refunded_payment'].includes(row.waitingFor ?? '')
  const subject = isTold ? {} : { verified: bundleSubject(verified.receipt) }
  const policy = (await deps.policies([verified.receipt])).get(policyKey(country, policyVersion))
  if (policy === undefined) return { kind: 'wait', of, wanted: { what: 'policy' }, ...subject }
  const taker = takerIn(registry, verified)
  const signers = await loadDevices(deps.state, signersOf({ verified, taker, policy }))
  const bundle = await authorise(verified, policy, taker, signers)
  const forSigners = row.waitingFor === 'refunded_payment' ? SIGNER_WAIT_MAX_MS : waitedMs(deps, row, 'payer_device')
  const devices = awaitedDevices(bundle, forSigners)
  if (devices.length > 0) return { kind: 'wait', of, wanted: { what: 'payer_device', devices }, ...subject }
  const isUnknown = ({ payment }: ReturnType<typeof refundsIn>[number]) =>
    paidFor(deps.state, payment) === undefined && !isVoided(deps.state, payment)
  const waits = refundsIn(bundle, 0).some(isUnknown) && waitedMs(deps, row, 'refunded_payment') < SIGNER_WAIT_MAX_MS
  return waits ? { kind: 'wait', of, wanted: { what: 'refunded_payment' }, ...subject } : { of, bundle }
}

/** Of approved payments without a word that they need, those whose signature shows now. */
export async function findLateProofs(deps: SettleDeps, due: readonly ResolutionRow[]): Promise<readonly LateProof[]> {
  const { state } = deps
  const approved = due.filter(({ choice }) => choice === 'approve')
  const proofs = new Map<string, LateProof>()
  for (const { deviceId, counter, bundleId } of approved) {
    const payment = state.payments.get(counterKey(deviceId, counter))
    const bundle = state.bundles.get(`${deviceId}/${bundleId}`)
    if (payment?.bundleId !== bundleId || bundle === undefined) continue
    if (payment.payerProven && payment.agentProven) continue
    const row = { device_id: deviceId, counter, bundle: bundle.bundle, receipt: bundle.receipt }
    const devices = (ids: readonly string[]) => loadDevices(state, ids)
    const proof = await proofOf({ ...deps, devices }, row)
    if (proof !== undefined) proofs.set(counterKey(deviceId, counter), proof)
  }
  return [...proofs.values()]
}

/** Of approved payments with a word, those whose device was lost since: its signature holds no more. */
export async function findLostProofs(deps: SettleDeps, due: readonly ResolutionRow[]): Promise<readonly LostProof[]> {
  const { state } = deps
  const lost: LostProof[] = []
  for (const { deviceId, counter, bundleId, choice } of due) {
    const row = state.payments.get(counterKey(deviceId, counter))
    const bundle = state.bundles.get(`${deviceId}/${bundleId}`)
    if (choice !== 'approve' || row?.bundleId !== bundleId || bundle === undefined) continue
    if (row.status !== 'review' && row.status !== 'quarantined') continue
    const devices = (ids: readonly string[]) => loadDevices(state, ids)
    const asked = { device_id: deviceId, counter, bundle: bundle.bundle, receipt: bundle.receipt }
    const proof = await lostProofOf({ ...deps, devices }, asked, deps.clock())
    if (proof !== undefined) lost.push(proof)
  }
  return lost
}

export function writeLostProofs(state: ModelState, lost: readonly LostProof[]): void {
  for (const { deviceId, counter, isPayers, isAgents } of lost) {
    const payment = state.payments.get(counterKey(deviceId, counter))
    if (payment?.status !== 'review' && payment?.status !== 'quarantined') continue
    payment.payerProven &&= !isPayers
    payment.agentProven &&= !isAgents
  }
}

/** In the change that carries the resolutions out. Each signature is good for one payment. */
export function writeLateProofs(state: ModelState, proofs: readonly LateProof[], atMs: number): void {
  for (const proof of proofs) {
    const key = counterKey(proof.deviceId, proof.counter)
    const payment = state.payments.get(key)
    if (payment?.status !== 'review' && payment?.status !== 'quarantined') continue
    const { answered, requests } = state
    const { payer, agent, deviceId } = proof
    if (payer !== undefined && !payment.payerProven) {
      payment.payerProven = isFresh(answered, () => useProof(state, payer, key, atMs))
    }
    if (agent !== undefined && !payment.agentProven) {
      payment.agentProven = isFresh(requests, () => useRequest(requests, deviceId, agent.requestId, key))
    }
  }
}

/** Used up before, even by this payment, proves nothing. */
function isFresh(used: ReadonlyMap<string, string>, use: () => boolean): boolean {
  const { size } = used
  return use() && used.size > size
}
