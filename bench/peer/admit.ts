import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { signAsEdge } from '../../src/crypto/sign1.ts'
import type { Bundle } from '../../src/protocol/bundle.ts'
import { equalBytes } from '../../src/protocol/bytes.ts'
import { GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import type { Outcome } from '../../src/protocol/notice.ts'
import type { BundlePayload } from '../../src/protocol/payload.ts'
import { type Payment, paymentsIn } from '../../src/protocol/payment.ts'
import { encodeReceipt, type Receipt } from '../../src/protocol/receipt.ts'
import { inTransaction, run } from './statement.ts'

/**
 * Takes a bundle in one transaction:
 *
 *   lock its device → repeat? → chain, counters → limits of each day → receipt signed → bundle, payments, head → outcomes
 */
export interface Push {
  readonly encoded: Uint8Array
  readonly bundle: Bundle
  /** SHA-256 over the sealed bytes. */
  readonly digest: Uint8Array
  readonly payload: BundlePayload
  /** Outcomes of bundles after this seq are told. */
  readonly cursor: number
}

export interface Answer {
  readonly receipt: Uint8Array
  readonly outcomes: readonly Outcome[]
}

export type Refusal =
  | 'unknown_device'
  | 'device_inactive'
  | 'bundle_conflict'
  | 'nonce_replayed'
  | 'chain_fork'
  | 'limit_exceeded'

/** Roomy, as the policy of the bench is: they are looked up and held against, and never reached. */
const [AMOUNT_MAX, PAYMENTS_PER_DAY_MAX, AMOUNT_PER_DAY_MAX] = [100_000, 1_000_000, 1_000_000_000_000]

export async function admit(pool: pg.Pool, keys: KeyProvider, push: Push, nowMs: number): Promise<Answer | Refusal> {
  const isAnswer = (result: Answer | Refusal) => typeof result !== 'string'
  try {
    return await inTransaction(pool, (client) => decide(client, keys, push, nowMs), isAnswer)
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string }
    if (code !== UNIQUE_VIOLATION) throw error
    return constraint === 'bundles_device_id_nonce_key' ? 'nonce_replayed' : 'bundle_conflict'
  }
}

const UNIQUE_VIOLATION = '23505'

async function decide(client: pg.ClientBase, keys: KeyProvider, push: Push, nowMs: number): Promise<Answer | Refusal> {
  const { claims } = push.bundle
  const { deviceId, seq } = claims
  const [device] = await run<DeviceRow>(client, LOCK_DEVICE, [deviceId])
  if (device === undefined) return 'unknown_device'
  if (device.status !== 'active') return 'device_inactive'
  if (seq <= Number(device.head_seq)) return repeated(client, push)
  const expected = device.head_digest === null ? GENESIS_PREV : prevOf(device.head_digest)
  if (seq !== Number(device.head_seq) + 1 || !equalBytes(claims.prev, expected)) return 'chain_fork'
  const payments = paymentsIn(push.payload)
  const [first, last] = [payments[0]?.counter ?? 0, payments.at(-1)?.counter ?? 0]
  if (first <= Number(device.last_counter)) return 'bundle_conflict'
  if (!(await withinLimits(client, deviceId, payments))) return 'limit_exceeded'
  const receipt = await signReceipt(keys, push, [first, last], nowMs)
  const now = new Date(nowMs)
  const { bundleId, nonce } = claims
  await run(client, INSERT_BUNDLE, [deviceId, seq, bundleId, nonce, push.digest, push.encoded, receipt, now])
  await run(client, INSERT_PAYMENTS, [deviceId, seq, now, ...columnsOf(payments)])
  await run(client, MOVE_HEAD, [deviceId, seq, push.digest, last])
  return { receipt, outcomes: await outcomesAfter(client, push) }
}

/** The same bundle again gets the same receipt. */
async function repeated(client: pg.ClientBase, push: Push): Promise<Answer | Refusal> {
  const { deviceId, bundleId } = push.bundle.claims
  const [found] = await run<{ digest: Uint8Array; receipt: Uint8Array }>(client, FIND_BUNDLE, [deviceId, bundleId])
  if (found === undefined || !equalBytes(found.digest, push.digest)) return 'bundle_conflict'
  return { receipt: found.receipt, outcomes: await outcomesAfter(client, push) }
}

async function withinLimits(client: pg.ClientBase, deviceId: string, payments: readonly Payment[]): Promise<boolean> {
  if (payments.some(({ amount }) => amount > AMOUNT_MAX)) return false
  const days = Map.groupBy(payments, ({ initiatedAtMs }) => new Date(initiatedAtMs).toISOString().slice(0, 10))
  const sums = [...days.values()].map((own) => own.reduce((sum, { amount }) => sum + amount, 0))
  const counts = [...days.values()].map(({ length }) => length)
  const used = await run<{ payments: string; amount_minor: string }>(client, COUNT_DAYS, [
    deviceId,
    [...days.keys()],
    counts,
    sums,
  ])
  return used.every(
    (day) => Number(day.payments) <= PAYMENTS_PER_DAY_MAX && Number(day.amount_minor) <= AMOUNT_PER_DAY_MAX,
  )
}

async function signReceipt(
  keys: KeyProvider,
  { bundle, digest }: Push,
  [firstCounter, lastCounter]: readonly [number, number],
  receivedAtMs: number,
): Promise<Uint8Array> {
  const { deviceId, bundleId, seq } = bundle.claims
  const receipt: Receipt = {
    ...{ deviceId, bundleId, digest, seq, receivedAtMs, firstCounter, lastCounter },
    ...{ status: 'processing', exceptions: [], country: 'SN', policyVersion: 2 },
  }
  const { kid, signer } = await keys.receiptSigner()
  return signAsEdge(signer, kid, encodeReceipt(receipt), 'molam-receipt-v1')
}

async function outcomesAfter(client: pg.ClientBase, { bundle, cursor }: Push): Promise<readonly Outcome[]> {
  const rows = await run<OutcomeRow>(client, FIND_OUTCOMES, [bundle.claims.deviceId, cursor])
  return rows.map(({ counter, status_at, transfer_id }) => ({
    ...{ counter: Number(counter), status: 'succeeded', atMs: status_at.getTime(), transferId: transfer_id },
  }))
}

const columnsOf = (payments: readonly Payment[]): unknown[] => [
  payments.map(({ counter }) => counter),
  payments.map(({ type }) => type),
  payments.map(({ method }) => method),
  payments.map(({ amount }) => amount),
  payments.map(({ currency }) => currency),
  payments.map(({ sender }) => sender),
  payments.map(({ receiver }) => receiver),
  payments.map(({ initiatedAtMs }) => new Date(initiatedAtMs)),
]

interface DeviceRow {
  readonly status: string
  readonly head_seq: string
  readonly head_digest: Uint8Array | null
  readonly last_counter: string
}

interface OutcomeRow {
  readonly counter: string
  readonly status_at: Date
  readonly transfer_id: string
}

const LOCK_DEVICE = {
  name: 'lock_device',
  text: 'SELECT status, head_seq, head_digest, last_counter FROM devices WHERE device_id = $1 FOR UPDATE',
}
const FIND_BUNDLE = {
  name: 'find_bundle',
  text: 'SELECT digest, receipt FROM bundles WHERE device_id = $1 AND bundle_id = $2',
}
const COUNT_DAYS = {
  name: 'count_days',
  text: `INSERT INTO device_days AS d (device_id, day, payments, amount_minor)
    SELECT $1, * FROM unnest($2::date[], $3::bigint[], $4::bigint[])
    ON CONFLICT (device_id, day) DO UPDATE
      SET payments = d.payments + excluded.payments, amount_minor = d.amount_minor + excluded.amount_minor
    RETURNING payments, amount_minor`,
}
const INSERT_BUNDLE = {
  name: 'insert_bundle',
  text: `INSERT INTO bundles (device_id, seq, bundle_id, nonce, digest, bundle, receipt, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
}
const INSERT_PAYMENTS = {
  name: 'insert_payments',
  text: `INSERT INTO payments (device_id, seq, status_at, counter, type, method, amount_minor, currency, sender, receiver,
      initiated_at)
    SELECT $1, $2, $3, * FROM unnest($4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
      $10::text[], $11::timestamptz[])`,
}
const MOVE_HEAD = {
  name: 'move_head',
  text: 'UPDATE devices SET head_seq = $2, head_digest = $3, last_counter = $4 WHERE device_id = $1',
}
const FIND_OUTCOMES = {
  name: 'find_outcomes',
  text: `SELECT counter, status_at, transfer_id FROM payments
    WHERE device_id = $1 AND seq > $2 AND status = 'succeeded' ORDER BY counter LIMIT 500`,
}
