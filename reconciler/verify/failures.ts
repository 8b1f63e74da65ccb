import type pg from 'pg'
import { openPasses } from '../../src/crypto/pass.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { CLAIM_OPEN_MS } from '../../src/protocol/claims.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { judge } from '../../src/protocol/rules.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { approvalBy } from '../registry/approvals.ts'
import { debitAuthority, takerOf } from '../registry/authority.ts'
import { loadDevices } from '../registry/registry.ts'
import { isAlive } from '../settle/authorise.ts'
import { signersOf, takerIn } from '../settle/prepare.ts'
import type { VerifiedBundle } from '../settle/verify-bundle.ts'
import type { PaymentRow } from './bundle-rows.ts'
import { policyOf } from './policies.ts'
import { KNOWN_LATE_MINUTES } from './settlement-checks.ts'

/**
 * Why payments failed that the edge let pass, once more from the evidence: the login that settles says of a payment that it fails by the
 * rules or for want of a word, and whoever has that login could bury any payment so. What fails in the ledger itself, for want
 * of funds or of a wallet, SQL alone says (007.do.settlement.sql).
 */
export type FailureFault = 'failed_without_reason' | 'claimed_without_reason'

export interface FailureDeps {
  readonly client: pg.ClientBase
  readonly trusted: readonly TrustedKey[]
}

/** Reasons that the policy gives, and nothing else: the same bytes have them for ever. */
const BY_RULES: ReadonlySet<string | null> = new Set([
  ...['country_disabled', 'same_wallet', 'method_not_allowed', 'too_old', 'limit_exceeded', 'approval_required'],
])

/** What one payment has beside its bundle. */
interface Failed {
  readonly payment: Payment
  readonly row: PaymentRow
}

export async function faultOfFailures(
  { client, trusted }: FailureDeps,
  verified: VerifiedBundle,
  payments: readonly Payment[],
  rows: ReadonlyMap<number, PaymentRow>,
): Promise<FailureFault | undefined> {
  const { receipt } = verified
  const alive = payments.filter((payment) => isAlive(verified, payment))
  const all = alive.map((payment): Failed => ({ payment, row: rows.get(payment.counter) as PaymentRow }))
  for (const { payment, row } of all) {
    if (row.claim_until_ms === null) continue
    const isClaim = payment.authorization === undefined && row.claim_until_ms === receipt.receivedAtMs + CLAIM_OPEN_MS
    if (!isClaim) return 'claimed_without_reason'
  }
  const failed = all.filter(({ row }) => row.status === 'failed' && isAsserted(row))
  if (failed.length === 0) return undefined
  const policy = await policyOf(client, receipt, trusted)
  if (policy === undefined) return undefined
  const verdicts = await verdictsOf(client, verified, alive, policy)
  const left = failed.filter(({ payment, row }) => verdicts.get(payment.counter) !== row.reason)
  for (const one of left) {
    if (BY_RULES.has(one.row.reason)) return 'failed_without_reason'
    if (one.row.reason === 'currency_mismatch') {
      if (!one.row.is_other_currency) return 'failed_without_reason'
    } else if (await hadItsWord({ client, trusted }, verified, policy, one)) return 'failed_without_reason'
  }
  return undefined
}

/** Whether the login that settles can have said it. */
const isAsserted = ({ reason }: PaymentRow) =>
  BY_RULES.has(reason) ||
  reason === 'currency_mismatch' ||
  reason === 'payer_not_proven' ||
  reason === 'approval_invalid'

/** What the rules refuse, and why. As settle/judge-again.ts asks them. */
async function verdictsOf(
  client: pg.ClientBase,
  verified: VerifiedBundle,
  alive: readonly Payment[],
  policy: Policy,
): Promise<ReadonlyMap<number, string | undefined>> {
  const { deviceId, receivedAtMs: nowMs } = verified.receipt
  const { ownerWallet, statedUntilMs: paysUntilMs } = takerIn(await loadDevices(client, [deviceId]), verified)
  const context = {
    policy,
    nowMs,
    takerId: deviceId,
    ownerWallet,
    paysUntilMs,
    timeFloorMs: undefined,
    riskScore: undefined,
  }
  const { verdicts } = judge(alive, new Map(), context)
  return new Map(
    alive.map(({ counter }, i) => {
      const verdict = verdicts[i]
      return [counter, verdict?.decision === 'refused' ? verdict.reason : undefined]
    }),
  )
}

/**
 * Whether the word that it is said to lack was there, by facts that stood when it was judged: who has been suspended meanwhile, or was
 * then, who has got consent since, nobody can say of now.
 */
async function hadItsWord(
  { client, trusted }: FailureDeps,
  verified: VerifiedBundle,
  policy: Policy,
  { payment, row }: Failed,
): Promise<boolean> {
  const { receipt, bundle } = verified
  const own = await loadDevices(client, [receipt.deviceId])
  const device = own.get(receipt.deviceId)
  if (device === undefined) return false
  // What people approve is judged as of then.
  const atMs = row.resolved ? row.status_at_ms : receipt.receivedAtMs
  const taker = takerOf(device, bundle.claims.kid, atMs)
  const signerIds = signersOf({ verified, taker, policy })
  const signers = await loadDevices(client, signerIds)
  const { receivedAtMs } = receipt
  if (row.reason === 'payer_not_proven') {
    const authority = await debitAuthority(
      payment,
      policy,
      taker,
      receivedAtMs,
      signers,
      await openPasses(webCryptoSuite, [payment], trusted),
    )
    const isUsed =
      authority.kind === 'signed' && (await isUsedElsewhere(client, row, authority.payerDeviceId, authority.requestId))
    // Whether there was an allowance by then its row does not say.
    if (authority.kind === 'signed' && authority.spending?.heldOnly) return false
    if (isUsed || (authority.kind !== 'signed' && authority.kind !== 'own_device')) return false
  } else {
    const approval = await approvalBy(payment, policy, taker, receivedAtMs, signers)
    const isUsed = approval.kind === 'approved' && (await isApprovedElsewhere(client, row, approval.requestId))
    if (isUsed || (approval.kind !== 'approved' && approval.kind !== 'not_needed')) return false
  }
  const givers = [...own.values(), ...signers.values()].flatMap(({ consents }) =>
    consents.flatMap(({ giver }) => giver?.deviceId ?? []),
  )
  return stoodBefore(client, [receipt.deviceId, ...signerIds, ...givers], row, receivedAtMs)
}

async function isUsedElsewhere(client: pg.ClientBase, row: PaymentRow, payerDeviceId: string, requestId: Uint8Array) {
  const { rowCount } = await client.query(
    `SELECT FROM offline_payer_authorizations
     WHERE payer_device_id = $1 AND request_id = $2 AND (device_id, counter) <> ($3, $4)`,
    [payerDeviceId, Buffer.from(requestId), row.device_id, row.counter],
  )
  return rowCount !== 0
}

async function isApprovedElsewhere(client: pg.ClientBase, row: PaymentRow, requestId: Uint8Array) {
  const { rowCount } = await client.query(
    'SELECT FROM offline_agent_approvals WHERE device_id = $1 AND request_id = $2 AND counter <> $3',
    [row.device_id, Buffer.from(requestId), row.counter],
  )
  return rowCount !== 0
}

/**
 * Whether nothing that the book knows of these devices has changed since some time before the payment was judged. The row says when that
 * was, as whoever settles said it; it was not before the edge had the bundle.
 */
async function stoodBefore(
  client: pg.ClientBase,
  deviceIds: readonly string[],
  { status_at_ms: statusAtMs }: PaymentRow,
  receivedAtMs: number,
): Promise<boolean> {
  const { rows } = await client.query<{ last: number | null }>(
    `SELECT round(extract(epoch FROM max(x.at)) * 1000)::bigint AS last FROM (
       SELECT recorded_at AS at FROM offline_device_messages WHERE device_id = ANY ($1)
       UNION ALL SELECT recorded_at FROM offline_wallet_consents WHERE device_id = ANY ($1)
       UNION ALL SELECT withdrawal_known_at FROM offline_wallet_consents WHERE device_id = ANY ($1)
       UNION ALL SELECT recorded_at FROM offline_consent_answers WHERE device_id = ANY ($1)
       UNION ALL SELECT at FROM offline_audit_logs WHERE device_id = ANY ($1) AND action = 'wallet_opened'
       UNION ALL SELECT 'infinity' FROM offline_devices
         WHERE device_id = ANY ($1) AND wallet_state <> offline_wallet_state(owner_wallet, tenant)) x`,
    [[...new Set(deviceIds)]],
  )
  const last = rows[0]?.last ?? Number.POSITIVE_INFINITY
  return last < Math.max(statusAtMs, receivedAtMs) - KNOWN_LATE_MINUTES * MINUTE_MS
}
