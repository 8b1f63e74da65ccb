import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { ES256 } from '../../src/protocol/cose.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import { isVoided, type Payment } from '../../src/protocol/payment.ts'
import { decisionFor } from '../../src/protocol/receipt.ts'
import { contentHash } from '../content-hash.ts'
import { loadDevices, type Registry } from '../registry.ts'
import { type BundleFault, type VerifiedBundle, verifyBundle } from '../verify-bundle.ts'
import type { Finding } from './check.ts'

/**
 * The evidence: what is stored of a bundle is what its device signed, what the edge's receipt names, and what the
 * payments' rows say. Every bundle, or a random sample of them.
 */
export interface BundleCheckDeps {
  /** In the snapshot of the whole verification. */
  readonly client: pg.ClientBase
  /** For the registry: keys are only ever added. */
  readonly pool: pg.Pool
  readonly keys: KeyProvider
  /** Bundles to look at; all when left out. */
  readonly sample?: number
  readonly examplesMax: number
  readonly onProgress: (done: number, total: number) => void
}

const NAME = 'bundle_evidence'
const PROMISE =
  'each bundle bears its device’s signature and a receipt for its bytes, and its payments are those recorded'
const BATCH = 200

interface BundleRow {
  device_id: string
  bundle_id: string
  country: string
  policy_version: number
  seq: number
  digest: Uint8Array
  signed_at: Date
  received_at: Date
  first_counter: number
  last_counter: number
  bundle: Uint8Array
  receipt: Uint8Array
}

interface PaymentRow {
  device_id: string
  bundle_id: string
  counter: number
  content_hash: Uint8Array
  status: string
  /** Null for a copy: it has no more than its hash. */
  facts: unknown[] | null
}

export async function checkBundles(deps: BundleCheckDeps): Promise<Finding> {
  const { client, pool, examplesMax } = deps
  const trusted = await receiptKeysOfAllTimes(deps.keys)
  const total = await countBundles(client, deps.sample)
  const wrong: object[] = []
  let [found, done, unopened] = [0, 0, 0]
  for await (const rows of bundlesInBatches(client, deps.sample)) {
    const registry = await loadDevices(
      pool,
      rows.map((row) => row.device_id),
    )
    const payments = Map.groupBy(await paymentsOf(client, rows), keyOf)
    const faults = await Promise.all(
      rows.map((row) => faultOfBundle(row, payments.get(keyOf(row)) ?? [], registry, deps.keys, trusted)),
    )
    for (const [i, fault] of faults.entries()) {
      if (fault === undefined) continue
      // Sealed to a key that is retired by now: its signatures hold, and its receipt names these bytes.
      if (fault === 'unknown_recipient_key') unopened += 1
      else {
        found += 1
        const { device_id, bundle_id } = rows[i] as BundleRow
        if (wrong.length < examplesMax) wrong.push({ device_id, bundle_id, fault })
      }
    }
    done += rows.length
    deps.onProgress(done, Math.max(done, total))
  }
  const scope = deps.sample === undefined ? 'all' : 'a sample'
  const note = unopened > 0 ? `, ${unopened} of them sealed to retired keys` : ''
  return { check: NAME, promise: `${PROMISE} (${scope}: ${done}${note})`, found, examples: wrong }
}

/** Without the edge's keys nothing can be opened. */
export function bundlesSkipped(): Finding {
  return {
    check: NAME,
    promise: PROMISE,
    found: 0,
    examples: [],
    skipped: 'EDGE_KEYS and KEY_WRAPPING_SECRET are not set',
  }
}

const keyOf = (row: { device_id: string; bundle_id: string }) => `${row.device_id}/${row.bundle_id}`

async function faultOfBundle(
  row: BundleRow,
  payments: readonly PaymentRow[],
  registry: Registry,
  keys: KeyProvider,
  trusted: readonly TrustedKey[],
): Promise<BundleFault | 'row_differs' | 'payments_differ' | undefined> {
  const message = {
    kind: 'bundle',
    deviceId: deviceId(row.device_id) as DeviceId,
    bundle: new Uint8Array(row.bundle),
    receipt: new Uint8Array(row.receipt),
  } as const
  const verified = await verifyBundle(message, registry, keys, trusted)
  if (!verified.ok) return verified.error
  if (!isRowOf(verified.value, row)) return 'row_differs'
  return (await arePaymentsOf(verified.value, payments)) ? undefined : 'payments_differ'
}

function isRowOf({ bundle, digest, receipt }: VerifiedBundle, row: BundleRow): boolean {
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

/** One row for each payment that was not voided, and no other; what the edge refused stayed refused. */
async function arePaymentsOf({ payload, receipt }: VerifiedBundle, rows: readonly PaymentRow[]): Promise<boolean> {
  const payments = payload.entries.filter((entry): entry is Payment => !isVoided(entry))
  if (payments.length !== rows.length) return false
  const byCounter = new Map(rows.map((row) => [row.counter, row]))
  const same = await Promise.all(
    payments.map(async (payment) => {
      const row = byCounter.get(payment.counter)
      if (row === undefined || toHex(await contentHash(payment)) !== toHex(row.content_hash)) return false
      if (decisionFor(receipt, payment.counter).decision === 'refused' && row.status !== 'refused') return false
      return row.facts === null || JSON.stringify(row.facts) === JSON.stringify(factsOf(payment))
    }),
  )
  return same.every(Boolean)
}

const factsOf = ({ type, method, amount, currency, sender, receiver, merchantId, initiatedAtMs }: Payment) => [
  ...[type, method, amount, currency, sender, receiver, merchantId ?? null, initiatedAtMs],
]

async function paymentsOf(client: pg.ClientBase, bundles: readonly BundleRow[]): Promise<readonly PaymentRow[]> {
  const { rows } = await client.query<PaymentRow>(
    `WITH b AS (SELECT * FROM unnest($1::text[], $2::text[]) AS b (device_id, bundle_id))
     SELECT device_id, bundle_id, counter, content_hash, status,
            json_build_array(type, method, amount_minor, currency, sender, receiver, merchant_id,
                             (extract(epoch FROM initiated_at) * 1000)::bigint) AS facts
     FROM b JOIN offline_transactions USING (device_id, bundle_id)
     UNION ALL
     SELECT device_id, bundle_id, counter, content_hash, 'refused', NULL
     FROM b JOIN offline_tx_copies USING (device_id, bundle_id)`,
    [bundles.map((row) => row.device_id), bundles.map((row) => row.bundle_id)],
  )
  return rows
}

async function countBundles(client: pg.ClientBase, sample: number | undefined): Promise<number> {
  const { rows } = await client.query<{ n: number }>('SELECT count(*) AS n FROM offline_tx_bundles')
  return Math.min(rows[0]?.n ?? 0, sample ?? Number.POSITIVE_INFINITY)
}

/** In the order of the primary key, or in a random order that ends after the sample. */
async function* bundlesInBatches(client: pg.ClientBase, sample: number | undefined): AsyncGenerator<BundleRow[]> {
  const columns = `device_id, bundle_id, country, policy_version, seq, digest, signed_at, received_at, first_counter,
                   last_counter, bundle, receipt`
  const from =
    sample === undefined
      ? 'offline_tx_bundles ORDER BY device_id, bundle_id'
      : `offline_tx_bundles JOIN (SELECT device_id, bundle_id FROM offline_tx_bundles ORDER BY random() LIMIT ${sample}) s
           USING (device_id, bundle_id)`
  await client.query(`DECLARE verify_bundles NO SCROLL CURSOR FOR SELECT ${columns} FROM ${from}`)
  for (;;) {
    const { rows } = await client.query<BundleRow>(`FETCH ${BATCH} FROM verify_bundles`)
    if (rows.length === 0) break
    yield rows
  }
  await client.query('CLOSE verify_bundles')
}

/** Also those that sign no more: what they signed stays signed. */
async function receiptKeysOfAllTimes(keys: KeyProvider): Promise<readonly TrustedKey[]> {
  const { keys: all } = await keys.keySet()
  return Promise.all(
    all
      .filter(({ use }) => use === 'receipt')
      .map(async ({ kid, publicKey }) => ({
        kid,
        alg: ES256,
        verifier: await webCryptoSuite.verifier({ alg: ES256, bytes: publicKey }),
      })),
  )
}
