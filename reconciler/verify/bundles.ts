import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { trustedReceiptKeys } from '../../src/crypto/receipt-keys.ts'
import { type TrustedKey, verifySign1 } from '../../src/crypto/sign1.ts'
import { approvalOf } from '../../src/protocol/approval.ts'
import { authorizationOf } from '../../src/protocol/authorization.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { prevOf } from '../../src/protocol/chain.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import { isVoided, type Payment, paymentsIn } from '../../src/protocol/payment.ts'
import { decisionFor, type Receipt } from '../../src/protocol/receipt.ts'
import type { Decision } from '../../src/protocol/states.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { takerOf } from '../registry/authority.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { CLAIM_ANSWERS } from '../settle/claim-answers.ts'
import { contentHash } from '../settle/content-hash.ts'
import { isHoldersWord, isSignedRow } from '../settle/holders-word.ts'
import { MANDATE_EVIDENCE, MANDATES, type MandateEvidence } from '../settle/mandates.ts'
import { type BundleFault, type VerifiedBundle, verifyBundle } from '../settle/verify-bundle.ts'
import type { Finding } from './check.ts'
import { KNOWN_LATE_MINUTES } from './settlement-checks.ts'

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
  readonly sample?: number | readonly (readonly [string, string])[]
  readonly examplesMax: number
  readonly onProgress: (done: number, total: number) => void
}

const NAME = 'bundle_evidence'
const PROMISE =
  'each bundle bears its device’s signature and a receipt for its bytes, and its payments are those recorded'
/** At once: no more, because their signatures stand in one line with those of what is new, which must not wait long. */
const BATCH = 20

interface RecordedBundle {
  device_id: string
  bundle_id: string
  signed_digest: Uint8Array
  bundle: Uint8Array
  receipt: Uint8Array
  /** As they were read in it when it was recorded. */
  signed_payments: unknown[]
  /** Undefined while it is not settled. */
  settled: SettledRow | undefined
  /** Numbers that it gives to no payment, in order; null for none. */
  voids: number[] | null
}

interface SettledRow {
  country: string
  policy_version: number
  seq: number
  digest: Uint8Array
  signed_at: Date
  received_at: Date
  first_counter: number
  last_counter: number
  /** The digest of the bundle before it in the device's chain; null when that is not here. */
  digest_before: Uint8Array | null
}

interface PaymentRow {
  device_id: string
  bundle_id: string
  counter: number
  content_hash: Uint8Array
  status: string
  /** UTC milliseconds; null when it moved nothing. */
  posted_at: number | null
  /** Null for a copy: it has no more than its hash. */
  facts: unknown[] | null
  /** Whether people resolved it. */
  resolved: boolean
  /** Of a payer whose signature was used up for it. */
  payer_device_id: string | null
  nonce: Uint8Array | null
  /** Of an agent who approved it, and the taker's request that was used up. */
  agent_device_id: string | null
  request_id: Uint8Array | null
  /** The answer of its holder by which a claim was posted. */
  confirmation: Uint8Array | null
  confirmed_by: string | null
  /** The mandate by which a claim was posted. */
  mandate: MandateEvidence | null
}

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
      rows.map((row) => faultOfBundle(row, payments.get(keyOf(row)) ?? [], registry, deps.keys, trusted)),
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
  keys: KeyProvider,
  trusted: readonly TrustedKey[],
): Promise<BundleFault | EvidenceFault | undefined> {
  const message = {
    kind: 'bundle',
    deviceId: deviceId(row.device_id) as DeviceId,
    bundle: new Uint8Array(row.bundle),
    receipt: new Uint8Array(row.receipt),
  } as const
  const verified = await verifyBundle(message, registry, keys, trusted)
  if (!verified.ok) return verified.error
  const { bundle, payload, receipt } = verified.value
  if (!equalBytes(verified.value.digest, new Uint8Array(row.signed_digest))) return 'row_differs'
  const made = paymentsIn(payload)
  if (!(await areSigned(made, receipt, row.signed_payments))) return 'signed_payments_differ'
  const { settled } = row
  if (settled === undefined) return payments.length === 0 ? undefined : 'payments_differ'
  if (!isRowOf(verified.value, settled)) return 'row_differs'
  if (settled.digest_before && !equalBytes(bundle.claims.prev, prevOf(new Uint8Array(settled.digest_before)))) {
    return 'chain_broken'
  }
  if (!(await areRowsOf(made, payments))) return 'payments_differ'
  const voids = payload.entries.filter(isVoided).map(({ counter }) => counter)
  if (JSON.stringify(voids) !== JSON.stringify(row.voids ?? [])) return 'voids_differ'
  const byCounter = new Map(payments.map((payment) => [payment.counter, payment]))
  for (const payment of made) {
    const own = byCounter.get(payment.counter) as PaymentRow
    if (!followsDecision(decisionFor(receipt, payment.counter).decision, own)) return 'decision_overruled'
    if (own.payer_device_id && !(await isPayersWord(payment, own, registry))) return 'payer_not_proven'
    if (own.confirmation && !(await isConfirmation(payment, row, own, registry))) return 'claim_not_confirmed'
    if (own.mandate && !(await isMandated(payment, own.mandate, registry))) return 'not_mandated'
    if (own.agent_device_id && !(await isApproval(payment, own, receipt.deviceId, registry))) return 'approval_invalid'
    if (!own.payer_device_id && !isOwnWord(payment, own, verified.value, registry)) return 'payer_not_proven'
  }
  return undefined
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
      ...[payment.counter, toHex(await contentHash(payment)), ...factsOf(payment)],
      decisionFor(receipt, payment.counter).decision,
    ]),
  )
  return JSON.stringify(read) === JSON.stringify(rows)
}

/** One row for each payment that was not voided, and no other. */
async function areRowsOf(payments: readonly Payment[], rows: readonly PaymentRow[]): Promise<boolean> {
  if (payments.length !== rows.length) return false
  const byCounter = new Map(rows.map((row) => [row.counter, row]))
  const same = await Promise.all(
    payments.map(async (payment) => {
      const row = byCounter.get(payment.counter)
      if (row === undefined || toHex(await contentHash(payment)) !== toHex(row.content_hash)) return false
      return row.facts === null || JSON.stringify(row.facts) === JSON.stringify(factsOf(payment))
    }),
  )
  return same.every(Boolean)
}

/** What the edge refused stayed refused; what it held back moved no money unless people, or a claim's payer, decided so. */
function followsDecision(decision: Decision, { status, resolved, confirmation, mandate }: PaymentRow): boolean {
  if (decision === 'refused') return status === 'refused'
  const moved = status === 'succeeded' || status === 'reversed'
  const hasWord = confirmation !== null || mandate !== null
  return decision === 'accepted' || !moved || resolved || (decision === 'claimed' && hasWord)
}

/** The signature that was used up for a payment is over its terms, by a key of the device that is named. */
async function isPayersWord(
  payment: Payment,
  { payer_device_id, nonce }: PaymentRow,
  registry: Registry,
): Promise<boolean> {
  const authorization = authorizationOf(payment)
  if (authorization === undefined || payer_device_id === null || nonce === null) return false
  const { claims } = authorization
  const key = registry.get(claims.deviceId)?.keys.get(toHex(claims.kid))
  return (
    key !== undefined &&
    claims.deviceId === payer_device_id &&
    equalBytes(claims.nonce, new Uint8Array(nonce)) &&
    verifySign1(key.verifier, authorization, 'molam-payer-authorization-v1')
  )
}

/** The approval whose request was used up for a payment is over its terms and its taker, by a key of the device that is named. */
async function isApproval(
  payment: Payment,
  { agent_device_id, request_id }: PaymentRow,
  takerId: DeviceId,
  registry: Registry,
): Promise<boolean> {
  const approval = approvalOf(payment, takerId)
  if (approval === undefined || agent_device_id === null || request_id === null) return false
  const { claims } = approval
  const key = registry.get(claims.deviceId)?.keys.get(toHex(claims.kid))
  return (
    key !== undefined &&
    claims.deviceId === agent_device_id &&
    equalBytes(claims.requestId, new Uint8Array(request_id)) &&
    verifySign1(key.verifier, approval, 'molam-agent-approval-v1')
  )
}

/** The answer by which a claim was posted is over this payment, and says yes; its device signed it. */
async function isConfirmation(
  payment: Payment,
  { device_id }: RecordedBundle,
  { confirmation, confirmed_by }: PaymentRow,
  registry: Registry,
): Promise<boolean> {
  const hash = await contentHash(payment)
  return isHoldersWord(
    CLAIM_ANSWERS,
    new Uint8Array(confirmation ?? []),
    registry,
    ({ answer, claims }) =>
      answer.takerId === device_id &&
      answer.counter === payment.counter &&
      answer.amount === payment.amount &&
      answer.choice === 'confirm' &&
      claims.deviceId === confirmed_by &&
      equalBytes(answer.contentHash, hash),
  )
}

/** The mandate by which a claim was posted is of the debited wallet, and gives as much; its device signed it. */
async function isMandated(payment: Payment, mandate: MandateEvidence, registry: Registry): Promise<boolean> {
  const { wallet, currency, payment_max_minor } = mandate
  const covers = wallet === payment.sender && currency === payment.currency && payment.amount <= payment_max_minor
  return covers && (await isSignedRow(MANDATES, mandate, registry))
}

/** Out of its owner's wallet a device paid by its own word with the very key that there was consent for. */
function isOwnWord(
  { sender, initiatedAtMs }: Payment,
  { status, posted_at }: PaymentRow,
  { bundle, receipt }: VerifiedBundle,
  registry: Registry,
): boolean {
  const device = registry.get(receipt.deviceId)
  if (device?.ownerWallet !== sender || (status !== 'succeeded' && status !== 'reversed')) return true
  const known = device.consents.map((consent) => {
    const { withdrawalKnownAtMs: knownAtMs } = consent
    const isLate =
      knownAtMs !== undefined && posted_at !== null && posted_at < knownAtMs + KNOWN_LATE_MINUTES * MINUTE_MS
    return isLate ? { ...consent, withdrawnAtMs: null } : consent
  })
  const { paysUntilMs } = takerOf({ ...device, consents: known }, bundle.claims.kid, receipt.receivedAtMs)
  return paysUntilMs !== undefined && initiatedAtMs <= paysUntilMs
}

const factsOf = ({ type, method, amount, currency, sender, receiver, merchantId, initiatedAtMs }: Payment) => [
  ...[type, method, amount, currency, sender, receiver, merchantId ?? null, initiatedAtMs],
]

async function paymentsOf(client: pg.ClientBase, bundles: readonly RecordedBundle[]): Promise<readonly PaymentRow[]> {
  const { rows } = await client.query<PaymentRow>(
    `WITH b AS (SELECT * FROM unnest($1::text[], $2::text[]) AS b (device_id, bundle_id))
     SELECT t.device_id, t.bundle_id, t.counter, t.content_hash, t.status,
            (SELECT round(extract(epoch FROM posted_at) * 1000)::bigint FROM wallet_core.transfers WHERE transfer_id = t.transfer_id) AS posted_at,
            json_build_array(t.type, t.method, t.amount_minor, currency, sender, receiver, merchant_id,
                             (extract(epoch FROM initiated_at) * 1000)::bigint) AS facts,
            EXISTS (SELECT FROM offline_resolutions d
                    WHERE d.device_id = t.device_id AND d.counter = t.counter AND d.bundle_id = t.bundle_id
                      AND d.result = 'applied' AND d.choice = 'approve') AS resolved,
            a.payer_device_id, a.nonce, g.agent_device_id, g.request_id, c.answer AS confirmation, c.payer_device_id AS confirmed_by,
            m.mandate
     FROM b JOIN offline_transactions t USING (device_id, bundle_id)
     LEFT JOIN offline_payer_authorizations a ON a.device_id = t.device_id AND a.counter = t.counter
     LEFT JOIN offline_agent_approvals g ON g.device_id = t.device_id AND g.counter = t.counter
     LEFT JOIN offline_claim_answers c ON c.device_id = t.device_id AND c.counter = t.counter AND c.result = 'applied'
       AND c.choice = 'confirm'
     LEFT JOIN LATERAL (
       SELECT ${MANDATE_EVIDENCE} AS mandate
       FROM offline_mandated_payments p
       LEFT JOIN offline_mandates m ON m.payer_device_id = p.payer_device_id AND m.rev = p.mandate_rev
       WHERE p.device_id = t.device_id AND p.counter = t.counter) m ON true
     UNION ALL
     SELECT device_id, bundle_id, counter, content_hash, 'refused', NULL, NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL
     FROM b JOIN offline_tx_copies USING (device_id, bundle_id)`,
    [bundles.map((row) => row.device_id), bundles.map((row) => row.bundle_id)],
  )
  return rows
}

async function countBundles(client: pg.ClientBase, sample: BundleCheckDeps['sample']): Promise<number> {
  if (typeof sample === 'object') return sample.length
  const { rows } = await client.query<{ n: number }>('SELECT count(*) AS n FROM offline_signed_bundles')
  return Math.min(rows[0]?.n ?? 0, sample ?? Number.POSITIVE_INFINITY)
}

type Row = Omit<RecordedBundle, 'settled'> & { [field in keyof SettledRow]: SettledRow[field] | null }

/** All of them, device by device, a random sample, or certain ones; of those the chain is not looked at. */
async function* bundlesInBatches(
  client: pg.ClientBase,
  sample: BundleCheckDeps['sample'],
): AsyncGenerator<RecordedBundle[]> {
  const columns = `s.device_id, s.bundle_id, s.digest AS signed_digest, s.bundle, s.receipt,
    (SELECT coalesce(json_agg(json_build_array(
         p.counter, encode(p.content_hash, 'hex'), p.type, p.method, p.amount_minor, p.currency, p.sender, p.receiver,
         p.merchant_id, (extract(epoch FROM p.initiated_at) * 1000)::bigint, p.decision) ORDER BY p.no), '[]')
     FROM unnest(s.payments) WITH ORDINALITY
       AS p (counter, content_hash, type, method, amount_minor, currency, sender, receiver, merchant_id, initiated_at,
             decision, no)) AS signed_payments,
    b.country, b.policy_version, b.seq, b.digest, b.signed_at, b.received_at, b.first_counter, b.last_counter, b.digest_before,
    (SELECT json_agg(v.counter ORDER BY v.counter) FROM offline_tx_voids v
     WHERE v.device_id = s.device_id AND v.bundle_id = s.bundle_id) AS voids`
  if (typeof sample === 'object') {
    for (let i = 0; i < sample.length; i += BATCH) {
      const some = sample.slice(i, i + BATCH)
      const { rows } = await client.query<Row>(
        `SELECT ${columns} FROM unnest($1::text[], $2::text[]) AS x (device_id, bundle_id)
         JOIN offline_signed_bundles s USING (device_id, bundle_id)
         LEFT JOIN (SELECT *, NULL::bytea AS digest_before FROM offline_tx_bundles) b USING (device_id, bundle_id)`,
        [some.map(([device]) => device), some.map(([, bundle]) => bundle)],
      )
      yield rows.map(recordedOf)
    }
    return
  }
  const chained = `(
    SELECT *, CASE lag(seq) OVER chain WHEN seq - 1 THEN lag(digest) OVER chain END AS digest_before
    FROM offline_tx_bundles WINDOW chain AS (PARTITION BY device_id ORDER BY seq, bundle_id)) b`
  const chosen =
    sample === undefined
      ? ''
      : `JOIN (SELECT device_id, bundle_id FROM offline_signed_bundles ORDER BY random() LIMIT ${sample}) x
           USING (device_id, bundle_id)`
  await client.query(
    `DECLARE verify_bundles NO SCROLL CURSOR FOR
     SELECT ${columns} FROM offline_signed_bundles s LEFT JOIN ${chained} USING (device_id, bundle_id) ${chosen}`,
  )
  for (;;) {
    const { rows } = await client.query<Row>(`FETCH ${BATCH} FROM verify_bundles`)
    if (rows.length === 0) break
    yield rows.map(recordedOf)
  }
  await client.query('CLOSE verify_bundles')
}

function recordedOf({ device_id, bundle_id, signed_digest, bundle, receipt, signed_payments, voids, ...settled }: Row) {
  return {
    ...{ device_id, bundle_id, signed_digest, bundle, receipt, signed_payments, voids },
    settled: settled.seq === null ? undefined : (settled as SettledRow),
  }
}
