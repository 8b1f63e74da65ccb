import { agentDeviceOf } from '../../reconciler/registry/approvals.ts'
import { payerDeviceOf } from '../../reconciler/registry/authority.ts'
import { authorise } from '../../reconciler/settle/authorise.ts'
import { type JudgedPayment, judgeAgain } from '../../reconciler/settle/judge-again.ts'
import { signersOf, takerIn } from '../../reconciler/settle/prepare.ts'
import { verifyBundle } from '../../reconciler/settle/verify-bundle.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { deviceId as asDeviceId } from '../../src/protocol/ids.ts'
import type { BundleMessage } from '../../src/protocol/messages.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { type Assessment, type RiskRecord, riskOf } from '../../src/risk/judge.ts'
import { areTwins } from './findings.ts'
import type { FollowDeps } from './follow-deps.ts'
import type { Line } from './record.ts'
import { loadDevices } from './registry.ts'
import type { ModelState } from './state.ts'

/** A bundle as it was recorded. */
export interface SignedBundle {
  readonly deviceId: string
  readonly bundleId: string
  readonly bundle: Uint8Array
  readonly receipt: Uint8Array
}

/** As the book wrote it when it was settled. */
export interface InsertedBundle extends SignedBundle {
  readonly seq: number
  /** Hex. */
  readonly digest: string
  readonly status: string
  /** By whoever scored it then: not asked again. */
  readonly risk: RiskRecord | null
  readonly settledAtMs: number
}

export interface JudgedTransaction {
  readonly bundles: readonly InsertedBundle[]
  /** What the reconciler asked the book to record. */
  readonly lines: readonly Line[]
  readonly changedAtMs: ReadonlyMap<string, number>
}

/**
 * A reconciler reads before it locks, and may take this long in between: what changed in the book since is not held
 * against it.
 */
const OVERLAP_MS = 3 * MINUTE_MS

/**
 * Judges each bundle of a transaction as of the moment before it, with the score that it was given, and compares that with
 * what the reconciler asked to be recorded. What two reconcilers at once may see differently is left open: facts of devices
 * that just changed, and twins and voided numbers that just came.
 */
export async function judgementFaults(deps: FollowDeps, transaction: JudgedTransaction): Promise<readonly string[]> {
  const sentences: string[] = []
  for (const bundle of transaction.bundles) sentences.push(...(await faultsOf(deps, transaction, bundle)))
  return sentences
}

async function faultsOf(deps: FollowDeps, transaction: JudgedTransaction, inserted: InsertedBundle) {
  const { state, keys, trusted, policyOf, nowMs } = deps
  const hasJustChanged = (device: string) =>
    nowMs() - (transaction.changedAtMs.get(device) ?? Number.NEGATIVE_INFINITY) <= OVERLAP_MS
  const what = `bundle ${inserted.deviceId}/${inserted.bundleId}`
  const { bundle, receipt } = inserted
  const message: BundleMessage = { kind: 'bundle', deviceId: asDeviceId(inserted.deviceId), bundle, receipt }
  const registry = await loadDevices(state, [inserted.deviceId])
  const result = await verifyBundle(message, registry, keys, trusted)
  if (!result.ok) {
    return hasJustChanged(inserted.deviceId)
      ? []
      : [`The book took ${what}, which is not to be taken: ${result.error}.`]
  }
  const verified = result.value
  const policy = policyOf(verified.receipt.country, verified.receipt.policyVersion)
  if (policy === undefined) return [`The book judged ${what} by a policy that nobody made.`]
  const taker = takerIn(registry, verified)
  const signers = await loadDevices(state, signersOf({ verified, taker, policy }))
  const authorised = await authorise(verified, policy, taker, signers)
  const risk = inserted.risk === null ? undefined : { record: inserted.risk, riskOf: riskOf(inserted.risk) }
  const judge = (repeated: ReadonlySet<number>) => judgeAgain(authorised, findings(risk, repeated))
  const all = new Set(authorised.payments.map(({ counter }) => counter))
  const [alone, repeated] = [await judge(new Set()), await judge(all)]
  const lines = transaction.lines.filter(
    (line) => line.deviceId === inserted.deviceId && line.bundleId === inserted.bundleId,
  )
  if (lines.length !== alone.length)
    return [`The book has ${lines.length} payments of ${what}, which has ${alone.length}.`]
  return lines.flatMap((line, i) => {
    const { payment } = alone[i] as JudgedPayment
    const signers = [payerDeviceOf(payment, taker), agentDeviceOf(payment, policy, taker)]
    // Its device's owner, or its payer's or agent's key, may have been another when it was judged.
    if ([inserted.deviceId, ...signers].some((id) => id !== undefined && hasJustChanged(id))) return []
    if (giversOf(state, inserted.deviceId).some(hasJustChanged)) return []
    const mustBeRepeated = isRepeated(state, line, inserted.seq, nowMs() - OVERLAP_MS)
    const allowed = mustBeRepeated ? [repeated[i]] : [alone[i], repeated[i]]
    const said = textOf(line)
    if (allowed.some((judged) => judged !== undefined && textOf(lineOf(judged)) === said)) return []
    const wanted = allowed.map((judged) => (judged === undefined ? 'nothing' : textOf(lineOf(judged)))).join(' or ')
    return [`Payment ${line.deviceId}/${line.payment.counter} was judged ${said}, and is ${wanted}.`]
  })
}

/** Devices that have consented to this one. */
const giversOf = ({ devices }: ModelState, deviceId: string): readonly string[] =>
  [...(devices.get(deviceId)?.consents.values() ?? [])].flatMap(({ giver }) => giver?.deviceId ?? [])

const findings = (risk: Assessment | undefined, repeated: ReadonlySet<number>) => ({
  ...{ risk, twins: repeated, voided: new Set<number>() },
})

/** Recorded by another device, or voided in an earlier bundle, long enough ago that nobody can have overlooked it. */
function isRepeated(state: ModelState, line: Line, seq: number, untilMs: number): boolean {
  const isTwin = [...state.payments.values()].some(
    (row) =>
      row.deviceId !== line.deviceId &&
      !['refused', 'failed', 'reversed'].includes(row.status) &&
      row.statusAtMs < untilMs &&
      areTwins(row.payment, line.payment),
  )
  const isVoided = [...state.bundles.values()].some(
    (row) =>
      row.deviceId === line.deviceId &&
      row.seq < seq &&
      row.settledAtMs < untilMs &&
      row.voids.includes(line.payment.counter),
  )
  return isTwin || isVoided
}

type Said = Pick<
  Line,
  'hash' | 'status' | 'reason' | 'payerProven' | 'agentProven' | 'claimUntilMs' | 'proof' | 'approved'
>

const lineOf = ({
  payment: _,
  riskScore: __,
  hash,
  reason,
  claimUntilMs,
  proof,
  approved,
  ...said
}: JudgedPayment) => ({
  ...{ ...said, hash: toHex(hash), reason, claimUntilMs, proof, approved },
})

function textOf({ hash, status, reason, payerProven, agentProven, claimUntilMs, proof, approved }: Said): string {
  const request =
    approved === undefined ? '' : `, approved on ${toHex(approved.requestId)} by ${approved.agentDeviceId}`
  const answered = proof === undefined ? '' : `, by request ${toHex(proof.requestId)} of ${proof.payerDeviceId}`
  const why = reason === undefined ? '' : ` (${reason})`
  const until = claimUntilMs === undefined ? '' : `, claimed until ${claimUntilMs}`
  const words = `${payerProven ? 'proven' : 'not proven'}${agentProven ? '' : ', not approved'}`
  return `${status}${why}, ${words}${until}${answered}${request}, content ${hash.slice(0, 8)}`
}
