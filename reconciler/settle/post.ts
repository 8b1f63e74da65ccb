import type pg from 'pg'
import { limitDay } from '../../src/protocol/activity.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { localId, ulidText } from '../../src/protocol/ids.ts'
import type { BundleMessage } from '../../src/protocol/messages.ts'
import { isVoided, type Payment, type PaymentType } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { refundedBy } from '../../src/protocol/refunds.ts'
import { bundleStatus, type PaymentStatus } from '../../src/protocol/states.ts'
import type { RiskRecord } from '../../src/risk/judge.ts'
import { record } from '../audit.ts'
import { transact } from '../db.ts'
import type { Alarm } from '../not-believed.ts'
import { type InboxRow, lockPending, markDone, type Parked, park, parkingOf } from '../pull/inbox.ts'
import { lockDevices } from '../registry/lock-devices.ts'
import { claimSubjects } from '../tell/claim-subjects.ts'
import { announce, bundleSubject } from '../tell/outbox.ts'
import { allowanceNews } from './allowances.ts'
import type { JudgedPayment } from './judge-again.ts'
import { verifiedMandates } from './mandates.ts'
import { countByStatus, type StatusCount } from './status-counts.ts'
import type { VerifiedBundle } from './verify-bundle.ts'

/** A bundle with nothing left to find out: what remains is one database transaction. */
export interface PreparedBundle {
  readonly row: InboxRow
  readonly message: BundleMessage
  readonly verified: VerifiedBundle
  readonly policy: Policy
  /** Undefined when nothing of it could be posted. */
  readonly risk: RiskRecord | undefined
  readonly payments: readonly JudgedPayment[]
}

/** A payment as it is in the book now. */
interface RecordedPayment {
  readonly type: PaymentType
  readonly status: PaymentStatus
  readonly reason: string | null
  /** Of a payment that waits for a person: `placed`, or why its money is not held. */
  readonly hold: string | null
}

/**
 * Posts bundles that are recorded (record-bundles.ts) in one transaction with everything that follows from them: bundle and payment rows, ledger, activity,
 * audit, what the edge is to be told, the inbox rows. Locks are taken in one order everywhere: inbox rows by id,
 * devices by id, accounts by id.
 *
 * If the process dies before COMMIT nothing happened; after it, the inbox rows are done. If two do it at once, the
 * second finds the inbox rows done; a message that came under two keys finds its bundle recorded.
 *
 * @returns what became of the payments that were recorded now
 */
export async function postBundles(
  pool: pg.Pool,
  prepared: readonly PreparedBundle[],
  at: Date,
  alarm: Alarm,
): Promise<readonly StatusCount[]> {
  return transact(pool, async (client) => {
    const mine = await lockPending(
      client,
      prepared.map(({ row }) => row.id),
    )
    const open = prepared.filter(({ row }) => mine.has(row.id)).sort(byArrival)
    if (open.length === 0) return []
    await lockDevices(
      client,
      open.map(({ message }) => message.deviceId),
    )
    const recordedBundles = await readRecorded(client, open)
    const fresh: PreparedBundle[] = []
    const conflicts: Parked[] = []
    for (const one of open) {
      const before = recordedBundles.get(keyOf(one))
      if (before === undefined) throw new Error('a bundle that is not recorded')
      if (before.digest === toHex(one.verified.digest)) {
        if (!before.isSettled) fresh.push(one)
        before.isSettled = true
      } else {
        // Two contents under one id: the second bundle is kept with its signatures, for a person to see.
        const { deviceId } = one.message
        conflicts.push({ id: one.row.id, kind: 'bundle', deviceId, fault: 'bundle_conflict' })
      }
    }
    const recorded = await recordPayments(client, fresh, at, alarm)
    await insertBundles(client, fresh, recorded, at)
    await insertVoids(client, fresh, at)
    const news = await allowanceNews(client, payersOf(fresh), at)
    await record(
      client,
      [
        ...fresh.map((one) => auditOf(one, recorded.get(one) ?? [])),
        ...(await park(client, conflicts, at)).map(parkingOf),
        ...news.records,
      ],
      at,
    )
    const bundles = open.map(({ verified }) => bundleSubject(verified.receipt))
    const claims = await claimSubjects(client, claimedWallets(recorded))
    await announce(client, [...bundles, ...claims, ...news.subjects], at)
    await markDone(
      client,
      open
        .filter((one) => recordedBundles.get(keyOf(one))?.digest === toHex(one.verified.digest))
        .map(({ row }) => row.id),
      at,
    )
    return countByStatus([...recorded.values()].flat())
  })
}

/** Wallets whose holders are to be asked, or told of what their mandates paid, or of what became of what their phones have signed. */
function claimedWallets(recorded: ReadonlyMap<PreparedBundle, readonly RecordedPayment[]>): readonly string[] {
  return [...recorded].flatMap(([{ payments }, rows]) =>
    rows.flatMap(({ status, reason }, i) => {
      const judged = payments[i]
      const isTold = status === 'claimed' || reason === 'mandated' || judged?.proof !== undefined
      return isTold ? (judged?.payment.sender ?? []) : []
    }),
  )
}

/** Devices that signed payments of these as their payers. */
const payersOf = (fresh: readonly PreparedBundle[]): readonly string[] => [
  ...new Set(fresh.flatMap(({ payments }) => payments.flatMap(({ proof }) => proof?.payerDeviceId ?? []))),
]

/** Who comes first takes the funds: in the order in which the edge admitted them. */
export function byArrival(a: PreparedBundle, b: PreparedBundle): number {
  const [x, y] = [a.verified.receipt, b.verified.receipt]
  return x.receivedAtMs - y.receivedAtMs || (x.deviceId < y.deviceId ? -1 : x.deviceId > y.deviceId ? 1 : x.seq - y.seq)
}

const bundleIdOf = (one: PreparedBundle) => ulidText(one.verified.receipt.bundleId)
const keyOf = (one: PreparedBundle) => `${one.message.deviceId}/${bundleIdOf(one)}`

/** What is recorded under the ids of these bundles, and whether it is settled. */
async function readRecorded(client: pg.ClientBase, open: readonly PreparedBundle[]) {
  const { rows } = await client.query<{ key: string; digest: string; isSettled: boolean }>(
    `SELECT s.device_id || '/' || s.bundle_id AS key, encode(s.digest, 'hex') AS digest,
            b.bundle_id IS NOT NULL AS "isSettled"
     FROM offline_signed_bundles s LEFT JOIN offline_tx_bundles b USING (device_id, bundle_id)
     WHERE (s.device_id, s.bundle_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
    [open.map(({ message }) => message.deviceId), open.map(bundleIdOf)],
  )
  return new Map(rows.map(({ key, ...row }) => [key, row]))
}

interface Line {
  readonly one: PreparedBundle
  readonly judged: JudgedPayment
  readonly payment: Payment
}

/**
 * Records and posts all payments; the money rules are in the database. In one call where there are no refunds: a refund is judged
 * by what has become of its payment, and of the refunds of it before, so each of these takes a call more.
 */
async function recordPayments(
  client: pg.ClientBase,
  fresh: readonly PreparedBundle[],
  at: Date,
  alarm: Alarm,
): Promise<ReadonlyMap<PreparedBundle, readonly RecordedPayment[]>> {
  const lines = fresh.flatMap((one) => one.payments.map((judged): Line => ({ one, judged, payment: judged.payment })))
  const steps = inSteps(lines)
  const found = new Map<Line, RecordedPayment>()
  for (const [i, step] of steps.entries()) {
    // All accounts of the transaction are locked in one order, with the first call.
    const after = i > 0 ? [] : steps.slice(1).flat()
    for (const [line, row] of await recordStep(client, step, after, at, alarm)) found.set(line, row)
  }
  const recorded = new Map<PreparedBundle, RecordedPayment[]>(fresh.map((one) => [one, []]))
  for (const line of lines) recorded.get(line.one)?.push(found.get(line) as RecordedPayment)
  return recorded
}

/** First all that are no refunds; then of each payment its first refund, its second … */
function inSteps(lines: readonly Line[]): readonly (readonly Line[])[] {
  const steps: Line[][] = []
  const refunds = new Map<string, number>()
  for (const line of lines) {
    const refunded = refundedBy(line.payment, line.one.message.deviceId)
    const name = refunded && localId(refunded.deviceId, refunded.counter)
    const step = name === undefined ? 0 : (refunds.get(name) ?? 0) + 1
    if (name !== undefined) refunds.set(name, step)
    steps[step] ??= []
    steps[step].push(line)
  }
  return steps.filter((step) => step !== undefined)
}

async function recordStep(
  client: pg.ClientBase,
  lines: readonly Line[],
  after: readonly Line[],
  at: Date,
  alarm: Alarm,
): Promise<readonly (readonly [Line, RecordedPayment])[]> {
  const column = <T>(pick: (line: Line) => T): T[] => lines.map(pick)
  const claimedFrom = lines.flatMap(({ judged, payment }) => (judged.status === 'claimed' ? payment.sender : []))
  const mandates = await verifiedMandates(client, claimedFrom, at, alarm)
  const mandateOf = ({ judged, payment }: Line) =>
    judged.status === 'claimed' ? mandates.get(payment.sender) : undefined
  const { rows } = await client.query<Omit<RecordedPayment, 'type'> & { no: number }>(
    `SELECT no, status, reason, hold FROM offline_record_transactions(
       $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::date[], $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
       $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)`,
    [
      column(({ one }) => one.message.deviceId),
      column(({ payment }) => payment.counter),
      column(({ one }) => bundleIdOf(one)),
      column(({ judged }) => Buffer.from(judged.hash)),
      column(({ payment }) => payment.type),
      column(({ payment }) => payment.method),
      column(({ payment }) => payment.amount),
      column(({ payment }) => payment.currency),
      column(({ payment }) => payment.sender),
      column(({ payment }) => payment.receiver),
      column(({ payment }) => payment.merchantId ?? null),
      column(({ payment }) => new Date(payment.initiatedAtMs)),
      column(({ one, payment }) => limitDay(payment, one.verified.receipt.receivedAtMs, one.policy.timeZone)),
      column(({ one }) => one.verified.receipt.country),
      column(({ one }) => new Date(one.verified.receipt.receivedAtMs)),
      column(({ judged }) => judged.status),
      column(({ judged }) => judged.reason ?? null),
      column(({ judged }) => judged.riskScore ?? null),
      column(({ judged }) => judged.payerProven),
      column(({ judged }) => judged.proof?.payerDeviceId ?? null),
      column(({ judged }) => (judged.proof ? Buffer.from(judged.proof.requestId) : null)),
      column(({ judged }) => (judged.claimUntilMs === undefined ? null : new Date(judged.claimUntilMs))),
      column((line) => mandateOf(line)?.deviceId ?? null),
      column((line) => mandateOf(line)?.rev ?? null),
      column(({ judged }) => judged.agentProven),
      column(({ judged }) => judged.approved?.agentDeviceId ?? null),
      column(({ judged }) => (judged.approved ? Buffer.from(judged.approved.requestId) : null)),
      column(({ one, payment }) => refundedBy(payment, one.message.deviceId)?.deviceId ?? null),
      column(({ one, payment }) => refundedBy(payment, one.message.deviceId)?.counter ?? null),
      after.flatMap(({ payment }) => [payment.sender, payment.receiver]),
      at,
      column(({ judged }) => judged.proof?.spending?.allowanceNo ?? null),
      column(({ judged }) => judged.proof?.spending?.n ?? null),
      column(({ judged }) => judged.proof?.spending?.spent ?? null),
      column(({ judged }) => judged.proof?.spending?.heldOnly ?? false),
    ],
  )
  if (rows.length !== lines.length) throw new Error('not every payment was answered for')
  return rows.map(({ no, status, reason, hold }) => {
    const line = lines[no - 1]
    if (line === undefined) throw new Error('an answer without a payment')
    return [line, { type: line.payment.type, status, reason, hold }] as const
  })
}

async function insertBundles(
  client: pg.ClientBase,
  fresh: readonly PreparedBundle[],
  recorded: ReadonlyMap<PreparedBundle, readonly RecordedPayment[]>,
  at: Date,
): Promise<void> {
  const column = <T>(pick: (one: PreparedBundle) => T): T[] => fresh.map(pick)
  await client.query(
    `INSERT INTO offline_tx_bundles (device_id, bundle_id, seq, digest, country, policy_version, status, signed_at,
       received_at, settled_at, first_counter, last_counter, risk)
     SELECT device_id, bundle_id, seq, digest, country, policy_version, status, signed_at,
            received_at, $13, first_counter, last_counter, risk
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::text[], $6::int[], $7::text[],
                 $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::bigint[], $12::jsonb[])
       AS b (device_id, bundle_id, seq, digest, country, policy_version, status, signed_at,
             received_at, first_counter, last_counter, risk)`,
    [
      column(({ message }) => message.deviceId),
      column(bundleIdOf),
      column(({ verified }) => verified.receipt.seq),
      column(({ verified }) => Buffer.from(verified.digest)),
      column(({ verified }) => verified.receipt.country),
      column(({ verified }) => verified.receipt.policyVersion),
      column((one) => bundleStatus((recorded.get(one) ?? []).map(({ status }) => status))),
      column(({ verified }) => new Date(verified.bundle.claims.signedAtMs)),
      column(({ verified }) => new Date(verified.receipt.receivedAtMs)),
      column(({ verified }) => verified.receipt.firstCounter),
      column(({ verified }) => verified.receipt.lastCounter),
      column(({ risk }) => (risk === undefined ? null : JSON.stringify(risk))),
      at,
    ],
  )
}

export const voidsOf = ({ verified }: PreparedBundle) =>
  verified.payload.entries.flatMap((entry) => (isVoided(entry) ? [entry.counter] : []))

/** Numbers that are no payment's are kept as well: a payment under one of them in another bundle is a contradiction. */
async function insertVoids(client: pg.ClientBase, fresh: readonly PreparedBundle[], at: Date): Promise<void> {
  const voids = fresh.flatMap((one) => voidsOf(one).map((counter) => ({ one, counter })))
  if (voids.length === 0) return
  await client.query(
    `INSERT INTO offline_tx_voids (device_id, counter, bundle_id, recorded_at)
     SELECT *, $4 FROM unnest($1::text[], $2::bigint[], $3::text[])`,
    [
      voids.map(({ one }) => one.message.deviceId),
      voids.map(({ counter }) => counter),
      voids.map(({ one }) => bundleIdOf(one)),
      at,
    ],
  )
}

/** One record a bundle: the new state of each of its payments, and of those that wait whether their money is held. */
function auditOf(one: PreparedBundle, recorded: readonly RecordedPayment[]) {
  const payments = one.payments.map(({ payment }, i) => {
    const { status, reason } = recorded[i] as RecordedPayment
    return reason === null ? [payment.counter, status] : [payment.counter, status, reason]
  })
  const holds = one.payments.flatMap(({ payment }, i) => {
    const hold = recorded[i]?.hold ?? null
    return hold === null ? [] : [[payment.counter, hold]]
  })
  const voids = voidsOf(one)
  return {
    deviceId: one.message.deviceId,
    bundleId: bundleIdOf(one),
    action: 'bundle_settled' as const,
    detail: {
      digest: toHex(one.verified.digest),
      policy: one.policy.version,
      payments,
      ...(holds.length > 0 && { holds }),
      ...(voids.length > 0 && { voids }),
    },
  }
}
