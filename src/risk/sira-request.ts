import { type DeviceId, localId } from '../protocol/ids.ts'
import type { Payment } from '../protocol/payment.ts'
import type { Country } from '../protocol/policy.ts'
import { type Hmac, pseudonyms } from './pseudonym.ts'

/** What SIRA is told: amounts, kinds, times, numbers; parties by pseudonym; no meta, approval or authorization. */
export interface BundleFacts {
  readonly deviceId: DeviceId
  readonly country: Country
  /** ULID, 26 characters. */
  readonly bundleId: string
  readonly seq: number
  readonly signedAtMs: number
  readonly relay: boolean
  readonly payments: readonly Payment[]
  /** UTC milliseconds, counted by the device from the server's last signed time on. */
  readonly countedMs?: number
}

export interface TransactionFacts {
  readonly deviceId: DeviceId
  readonly country: Country
  readonly payment: Payment
}

export type BulkItem =
  | { readonly kind: 'bundle'; readonly bundle: BundleFacts }
  | { readonly kind: 'transaction'; readonly transaction: TransactionFacts }

/** Something that people at SIRA should look at. Sent until it is taken; `id` makes repeats one. */
export interface Escalation {
  /** Given by whoever raises it, `<device_id>/<number>`, and kept until it is taken. */
  readonly id: string
  readonly kind:
    | 'chain_fork'
    | 'bundle_conflict'
    | 'nonce_replayed'
    | 'counter_conflict'
    | 'chain_gap'
    | 'allowance_misused'
  readonly deviceId: DeviceId
  readonly country: Country
  readonly seq: number
  readonly atMs: number
  /** Hex digests of the bundle that contradicts and of the one it contradicts; none of what is missing. */
  readonly digests: readonly string[]
}

export async function bundleBody(hmac: Hmac, bundle: BundleFacts) {
  return bundleJson(bundle, await pseudonyms(hmac, partiesOf(bundle.payments)))
}

export async function transactionBody(hmac: Hmac, transaction: TransactionFacts) {
  return transactionJson(transaction, await pseudonyms(hmac, partiesOf([transaction.payment])))
}

export async function bulkBody(hmac: Hmac, items: readonly BulkItem[]) {
  const all = items.flatMap((item) => (item.kind === 'bundle' ? item.bundle.payments : [item.transaction.payment]))
  const names = await pseudonyms(hmac, partiesOf(all))
  return {
    bundles: items.flatMap((item) => (item.kind === 'bundle' ? [bundleJson(item.bundle, names)] : [])),
    transactions: items.flatMap((item) =>
      item.kind === 'transaction' ? [transactionJson(item.transaction, names)] : [],
    ),
  }
}

export function escalationBody({ id, kind, deviceId, country, seq, atMs, digests }: Escalation) {
  return { escalation_id: id, kind, device_id: deviceId, country, seq, at: atMs, digests }
}

function* partiesOf(payments: readonly Payment[]): Iterable<string> {
  for (const { sender, receiver, merchantId } of payments) {
    yield sender
    yield receiver
    if (merchantId !== undefined) yield merchantId
  }
}

type Names = ReadonlyMap<string, string>

function bundleJson(bundle: BundleFacts, names: Names) {
  const { deviceId, country, bundleId, seq, signedAtMs, relay, payments, countedMs } = bundle
  return {
    bundle_id: bundleId,
    device_id: deviceId,
    country,
    seq,
    signed_at: signedAtMs,
    relay,
    ...(countedMs !== undefined && { counted_at: countedMs }),
    transactions: payments.map((payment) => paymentJson(deviceId, payment, names)),
  }
}

function transactionJson({ deviceId, country, payment }: TransactionFacts, names: Names) {
  return { device_id: deviceId, country, ...paymentJson(deviceId, payment, names) }
}

function paymentJson(deviceId: DeviceId, payment: Payment, names: Names) {
  return {
    transaction_id: localId(deviceId, payment.counter),
    type: payment.type,
    method: payment.method,
    amount: payment.amount,
    currency: payment.currency,
    sender: nameOf(names, payment.sender),
    receiver: nameOf(names, payment.receiver),
    ...(payment.merchantId !== undefined && { merchant: nameOf(names, payment.merchantId) }),
    initiated_at: payment.initiatedAtMs,
    payer_proven: payment.authorization !== undefined,
    agent_approved: payment.approval !== undefined,
  }
}

function nameOf(names: Names, id: string): string {
  const name = names.get(id)
  if (name === undefined) throw new Error('a party has no pseudonym')
  return name
}
