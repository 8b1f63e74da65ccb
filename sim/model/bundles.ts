import { byArrival, type PreparedBundle, voidsOf } from '../../reconciler/settle/post.ts'
import { bundleSubject } from '../../reconciler/tell/outbox.ts'
import { limitDay } from '../../src/protocol/activity.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import { refundedBy } from '../../src/protocol/refunds.ts'
import { bundleStatus } from '../../src/protocol/states.ts'
import { standingsOf } from './allowances.ts'
import { markDone, park, stillPending } from './inbox.ts'
import { announce, claimSubjects } from './outbox.ts'
import { type Line, type Recorded, recordPayments } from './record.ts'
import { bundleKey, type ModelState } from './state.ts'

/**
 * Posts prepared bundles in one change with everything that follows from them: payments, ledger, activity, what the edge
 * is to be told, the inbox rows. Who comes first takes the funds: in the order in which the edge admitted them.
 */
export function postBundles(state: ModelState, prepared: readonly PreparedBundle[], atMs: number): void {
  const open = prepared.filter(({ row }) => stillPending(state.inbox, row.id) !== undefined).sort(byArrival)
  const digests = new Map<string, string>()
  const fresh: PreparedBundle[] = []
  for (const one of open) {
    const [key, digest] = [keyOf(one), toHex(one.verified.digest)]
    const before = digests.get(key) ?? state.bundles.get(key)?.digest
    if (before === undefined) {
      digests.set(key, digest)
      fresh.push(one)
    } else if (before !== digest) {
      // Two contents under one id: the second bundle is kept with its signatures, for a person to see.
      park(state.inbox, one.row.id, 'bundle_conflict')
    }
  }
  const lines = fresh.flatMap(linesOf)
  const payers = lines.flatMap(({ proof }) => proof?.payerDeviceId ?? [])
  const before = standingsOf(state, payers)
  // A refund is judged by what became of all that came before it.
  const isRefund = ({ refunds }: Line) => refunds !== undefined
  const found = new Map<Line, Recorded>()
  const others = lines.filter((line) => !isRefund(line))
  recordPayments(state, others, atMs).forEach((one, i) => void found.set(others[i] as Line, one))
  for (const line of lines.filter(isRefund)) found.set(line, recordPayments(state, [line], atMs)[0] as Recorded)
  const recorded = lines.map((line) => found.get(line) as Recorded)
  let at = 0
  for (const one of fresh) {
    keep(state, one, recorded.slice(at, at + one.payments.length), atMs)
    at += one.payments.length
  }
  const isTold = ({ proof }: Line, one: Recorded | undefined) =>
    one?.status === 'claimed' || one?.reason === 'mandated' || proof !== undefined
  const claimed = lines.filter((line, i) => isTold(line, recorded[i])).map(({ payment }) => payment.sender)
  const subjects = open.map(({ verified }) => bundleSubject(verified.receipt))
  const changed = [...standingsOf(state, payers)].filter(([id, now]) => before.get(id) !== now)
  const allowances = changed.map(([deviceId]) => ({ deviceId, allowance: true }))
  announce(state, [...subjects, ...claimSubjects(state, claimed), ...allowances], atMs)
  for (const { row } of open) markDone(state.inbox, row.id)
}

const bundleIdOf = ({ verified }: PreparedBundle) => ulidText(verified.receipt.bundleId)
const keyOf = (one: PreparedBundle) => bundleKey(one.message.deviceId, bundleIdOf(one))

function linesOf(one: PreparedBundle): readonly Line[] {
  const { receipt } = one.verified
  const bundleId = bundleIdOf(one)
  return one.payments.map(({ payment, hash, status, reason, claimUntilMs, proof, approved, ...words }) => ({
    deviceId: one.message.deviceId,
    bundleId,
    payment,
    refunds: refundedBy(payment, one.message.deviceId),
    hash: toHex(hash),
    country: receipt.country,
    day: limitDay(payment, receipt.receivedAtMs, one.policy.timeZone),
    receivedAtMs: receipt.receivedAtMs,
    payerProven: words.payerProven,
    agentProven: words.agentProven,
    ...{ status, reason, claimUntilMs, proof, approved },
  }))
}

function keep(state: ModelState, one: PreparedBundle, recorded: readonly Recorded[], settledAtMs: number): void {
  const { message, verified } = one
  state.bundles.set(keyOf(one), {
    deviceId: message.deviceId,
    bundleId: bundleIdOf(one),
    seq: verified.receipt.seq,
    digest: toHex(verified.digest),
    voids: voidsOf(one),
    settledAtMs,
    bundle: message.bundle,
    receipt: message.receipt,
    status: bundleStatus(recorded.map(({ status }) => status)),
    rev: 1,
  })
}
