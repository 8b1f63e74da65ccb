import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { trustedReceiptKeys } from '../../src/crypto/receipt-keys.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { prevOf } from '../../src/protocol/chain.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import { isVoided, type Payment, paymentsIn } from '../../src/protocol/payment.ts'
import { decisionFor, type Receipt } from '../../src/protocol/receipt.ts'
import { refundedBy } from '../../src/protocol/refunds.ts'
import type { Decision } from '../../src/protocol/states.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { contentHash } from '../settle/content-hash.ts'
import { type BundleFault, type VerifiedBundle, verifyBundle } from '../settle/verify-bundle.ts'
import {
  bundlesInBatches,
  countBundles,
  type PaymentRow,
  paymentsOf,
  type RecordedBundle,
  type Sample,
  type SettledRow,
} from './bundle-rows.ts'
import type { Finding } from './check.ts'
import { type FailureFault, faultOfFailures } from './failures.ts'
import { isApproval, isConfirmation, isCovered, isMandated, isOwnWord, isPayersWord } from './payment-words.ts'

/**
 * The evidence: what is stored of a bundle is what its device signed, what the edge's receipt names, and what the
 * payments' rows say. Every bundle, a random sample of them, or certain ones. What is recorded and not settled has no more than
 * its signed row.
 */
export interface BundleCheckDeps {
  /** In the snapshot of the whole verification, with the registry of that moment: a newer one says more than the book knew. */
  readonly client: pg.ClientBase
  readonly keys: KeyProvider
  /** How many bundles to look at, or which, as `[device_id, bundle_id]`; all when left out. */
  readonly sample?: Exclude<Sample, undefined>
  readonly examplesMax: number
  readonly onProgress: (done: number, total: number) => void
}

const NAME = 'bundle_evidence'
const PROMISE =
  'each bundle bears its device’s signature and a receipt for its bytes, its payments are those recorded, and none failed but for a reason'

export async function checkBundles(deps: BundleCheckDeps): Promise<Finding> {
  const { client, examplesMax } = deps
  const trusted = await trustedReceiptKeys(deps.keys)
  const total = await countBundles(client, deps.sample)
  const wrong: object[] = []
  let [found, done, unopened] = [0, 0, 0]
  for await (const rows of bundlesInBatches(client, deps.sample)) {
    const all = await paymentsOf(client, rows)
    const payments = Map.groupBy(all, keyOf)
    const signers = all.flatMap(({ payer_device_id, confirmed_by, mandate, agent_device_id }) =>
      [payer_device_id ?? confirmed_by ?? mandate?.payer_device_id, agent_device_id].flatMap((id) => id ?? []),
    )
    const registry = await loadDevices(client, [...rows.map((row) => row.device_id), ...signers])
    const faults = await Promise.all(
      rows.map((row) => faultOfBundle(row, payments.get(keyOf(row)) ?? [], registry, deps, trusted)),
    )
    for (const [i, fault] of faults.entries()) {
      if (fault === undefined) continue
      // Sealed to a key that is retired by now: its signatures hold, and its receipt names these bytes.
      if (fault === 'unknown_recipient_key') unopened += 1
      else {
        found += 1
        const { device_id, bundle_id } = rows[i] as RecordedBundle
        if (wrong.length < examplesMax) wrong.push({ device_id, bundle_id, fault })
      }
    }
    done += rows.length
    deps.onProgress(done, Math.max(done, total))
  }
  const scope = deps.sample === undefined ? 'all' : typeof deps.sample === 'number' ? 'a sample' : 'new ones'
  const note = unopened > 0 ? `, ${unopened} of them sealed to retired keys` : ''
  return { check: NAME, promise: `${PROMISE} (${scope}: ${done}${note})`, found, examples: wrong }
}

/** Nothing was opened. */
export function bundlesSkipped(): Finding {
  return {
    check: NAME,
    promise: PROMISE,
    found: 0,
    examples: [],
    skipped: 'no bundle was opened',
  }
}

const keyOf = (row: { device_id: string; bundle_id: string }) => `${row.device_id}/${row.bundle_id}`

async function faultOfBundle(
  row: RecordedBundle,
  payments: readonly PaymentRow[],
  registry: Registry,
  { client, keys }: Pick<BundleCheckDeps, 'client' | 'keys'>,
  trusted: readonly TrustedKey[],
): Promise<BundleFault | EvidenceFault | FailureFault | undefined> {
  const message = {
    kind: 'bundle',
    deviceId: deviceId(row.device_id) as DeviceId,
    bundle: new Uint8Array(row.bundle),
    receipt: new Uint8Array(row.receipt),
  } as const
  const verified = await verifyBundle(message, registry, keys, trusted)
  if (!verified.ok) return verified.error
  const { bundle, payload, receipt, passes } = verified.value
  if (!equalBytes(verified.value.digest, new Uint8Array(row.signed_digest))) return 'row_differs'
  const made = paymentsIn(payload)
  if (!(await areSigned(made, receipt, row.signed_payments))) return 'signed_payments_differ'
  const { settled } = row
  if (settled === undefined) return payments.length === 0 ? undefined : 'payments_differ'
  if (!isRowOf(verified.value, settled)) return 'row_differs'
  if (settled.digest_before && !equalBytes(bundle.claims.prev, prevOf(new Uint8Array(settled.digest_before)))) {
    return 'chain_broken'
  }
  if (!(await areRowsOf(made, payments, receipt))) return 'payments_differ'
  const voids = payload.entries.filter(isVoided).map(({ counter }) => counter)
  if (JSON.stringify(voids) !== JSON.stringify(row.voids ?? [])) return 'voids_differ'
  const byCounter = new Map(payments.map((payment) => [payment.counter, payment]))
  for (const payment of made) {
    const own = byCounter.get(payment.counter) as PaymentRow
    if (!followsDecision(decisionFor(receipt, payment.counter).decision, own)) return 'decision_overruled'
    const isPayers = () => isPayersWord(payment, own, receipt.deviceId, passes, registry)
    if (own.payer_device_id && !(await isPayers())) return 'payer_not_proven'
    if (own.confirmation && !(await isConfirmation(payment, row, own, registry))) return 'claim_not_confirmed'
    if (own.covered && !isCovered(payment, own.covered, receipt.deviceId)) return 'not_covered'
    if (own.mandate && !(await isMandated(payment, own.mandate, registry))) return 'not_mandated'
    if (own.agent_device_id && !(await isApproval(payment, own, receipt.deviceId, registry))) return 'approval_invalid'
    if (!own.payer_device_id && !isOwnWord(payment, own, verified.value, registry)) return 'payer_not_proven'
  }
  return faultOfFailures({ client, trusted }, verified.value, made, byCounter)
}

type EvidenceFault =
  | 'row_differs'
  | 'chain_broken'
  | 'signed_payments_differ'
  | 'payments_differ'
  | 'voids_differ'
  | 'decision_overruled'
  | 'payer_not_proven'
  | 'claim_not_confirmed'
  | 'not_mandated'
  | 'not_covered'
  | 'approval_invalid'

function isRowOf({ bundle, digest, receipt }: VerifiedBundle, row: SettledRow): boolean {
  return (
    equalBytes(digest, new Uint8Array(row.digest)) &&
    receipt.seq === row.seq &&
    receipt.country === row.country &&
    receipt.policyVersion === row.policy_version &&
    receipt.receivedAtMs === row.received_at.getTime() &&
    bundle.claims.signedAtMs === row.signed_at.getTime() &&
    receipt.firstCounter === row.first_counter &&
    receipt.lastCounter === row.last_counter
  )
}

/** What a posting was allowed by: each payment as it is in the bytes, with the edge's decision. */
async function areSigned(payments: readonly Payment[], receipt: Receipt, rows: readonly unknown[]): Promise<boolean> {
  const inOrder = payments.toSorted((a, b) => a.counter - b.counter)
  const read = await Promise.all(
    inOrder.map(async (payment) => [
      ...[payment.counter, toHex(await contentHash(payment)), ...factsOf(payment, receipt)],
      decisionFor(receipt, payment.counter).decision,
    ]),
  )
  return JSON.stringify(read) === JSON.stringify(rows)
}

/** One row for each payment that was not voided, and no other. */
async function areRowsOf(
  payments: readonly Payment[],
  rows: readonly PaymentRow[],
  receipt: Receipt,
): Promise<boolean> {
  if (payments.length !== rows.length) return false
  const byCounter = new Map(rows.map((row) => [row.counter, row]))
  const same = await Promise.all(
    payments.map(async (payment) => {
      const row = byCounter.get(payment.counter)
      if (row === undefined || toHex(await contentHash(payment)) !== toHex(row.content_hash)) return false
      return row.facts === null || JSON.stringify(row.facts) === JSON.stringify(factsOf(payment, receipt))
    }),
  )
  return same.every(Boolean)
}

/** What the edge refused stayed refused; what it held back moved no money unless people, or a claim's payer, decided so. */
function followsDecision(
  decision: Decision,
  { status, has_first, resolved, confirmation, mandate }: PaymentRow,
): boolean {
  if (decision === 'refused') return status === 'refused'
  // The edge alone refuses. What it took is put away as a copy only when what it is a copy of is here.
  if (status === 'refused') return has_first
  const moved = status === 'succeeded' || status === 'reversed'
  const hasWord = confirmation !== null || mandate !== null
  return decision === 'accepted' || !moved || resolved || (decision === 'claimed' && hasWord)
}

function factsOf(payment: Payment, { deviceId }: Pick<Receipt, 'deviceId'>) {
  const { type, method, amount, currency, sender, receiver, merchantId, initiatedAtMs } = payment
  const refunded = refundedBy(payment, deviceId)
  return [
    ...[type, method, amount, currency, sender, receiver, merchantId ?? null, initiatedAtMs],
    ...[refunded?.deviceId ?? null, refunded?.counter ?? null],
  ]
}
