import type pg from 'pg'
import { type DeviceId, ulidText } from '../../src/protocol/ids.ts'
import type { Payment, PaymentType } from '../../src/protocol/payment.ts'
import type { Country } from '../../src/protocol/policy.ts'
import type { Verdict } from '../../src/protocol/rules.ts'
import type { PaymentStatus } from '../../src/protocol/states.ts'
import { emptyHistory, updateHistory, withPayees } from '../../src/risk/history.ts'
import { type Assessment, combine } from '../../src/risk/judge.ts'
import { assessLocally } from '../../src/risk/local.ts'
import type { RiskMode } from '../../src/risk/mode.ts'
import { type Hmac, pseudonymHmac } from '../../src/risk/pseudonym.ts'
import type { RemoteScorer } from '../../src/risk/remote-scorer.ts'
import { newReputation, reputationAt, withOutcomes } from '../../src/risk/reputation.ts'
import { remoteScorer } from '../../src/risk/scorer.ts'
import type { Log } from '../log.ts'
import { type AuthorisedBundle, isAlive } from './authorise.ts'

/**
 * The score of each bundle before it is posted: SIRA's, in one bulk call for the batch, or the local rules'. The edge
 * asked too, with a deadline of a fraction of a second and what one device knows; here there is time, and the book.
 */
export type RiskScorer = (bundles: readonly AuthorisedBundle[]) => Promise<readonly (Assessment | undefined)[]>

export interface RiskDeps {
  readonly pool: pg.Pool
  readonly fetch: typeof globalThis.fetch
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
}

export async function openRiskScorer(mode: RiskMode, deps: RiskDeps): Promise<RiskScorer> {
  return riskScorer(mode, deps, (bundles) => readDevices(deps.pool, bundles))
}

/** @param known what the book says of the devices of these bundles */
export function riskScorer(
  mode: RiskMode,
  deps: Omit<RiskDeps, 'pool'>,
  known: (bundles: readonly AuthorisedBundle[]) => Promise<ReadonlyMap<string, KnownDevice>>,
): RiskScorer {
  const { clock, random, log } = deps
  const hmac: Hmac = mode.kind === 'sira' ? pseudonymHmac(mode.pseudonymKey) : () => Promise.reject()
  const remote = remoteScorer(mode, hmac, {
    fetch: (url, init) => deps.fetch(url, init),
    nowMs: clock,
    after: (ms, run) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    random,
    observe: (call) => {
      const isWell = call.outcome === 'ok' || call.outcome === 'not_configured'
      log[isWell ? 'debug' : 'warn'](call, 'sira')
    },
  })
  return (bundles) => score(known, remote, bundles)
}

async function score(
  readKnown: Parameters<typeof riskScorer>[2],
  remote: RemoteScorer,
  bundles: readonly AuthorisedBundle[],
): Promise<readonly (Assessment | undefined)[]> {
  const scored = bundles.filter((bundle) => aliveOf(bundle).length > 0)
  if (scored.length === 0) return bundles.map(() => undefined)
  const [answers, known] = await Promise.all([
    remote.scoreBulk(
      scored.map((bundle) => ({ kind: 'bundle', bundle: factsOf(bundle) })),
      crypto.randomUUID(),
    ),
    readKnown(scored),
  ])
  const assessments = new Map(
    scored.map((bundle, i) => {
      const answer = answers[i]
      if (answer === undefined) throw new Error('fewer scores than bundles')
      return [bundle, combine(answer, assessHere(bundle, known.get(deviceOf(bundle))))]
    }),
  )
  return bundles.map((bundle) => assessments.get(bundle))
}

const deviceOf = ({ verified }: AuthorisedBundle): DeviceId => verified.receipt.deviceId
const aliveOf = ({ verified, payments }: AuthorisedBundle) => payments.filter((payment) => isAlive(verified, payment))

function factsOf(bundle: AuthorisedBundle) {
  const { claims } = bundle.verified.bundle
  const { countedMs } = bundle.verified.payload
  return {
    deviceId: claims.deviceId,
    country: bundle.policy.country as Country,
    bundleId: ulidText(claims.bundleId),
    seq: claims.seq,
    signedAtMs: claims.signedAtMs,
    relay: claims.relay,
    payments: aliveOf(bundle),
    ...(countedMs !== undefined && { countedMs }),
  }
}

/** What the book says of a device. */
export interface KnownDevice {
  readonly registeredAtMs: number
  /** The last ones, in the order of their counters. */
  readonly payments: readonly SettledPayment[]
  /** The last ones that left the owner's wallet, cash-ins left out, in the order of their times. */
  readonly paidOut: readonly SettledPayment[]
  readonly conflicts: number
}

export type SettledPayment = readonly [
  counter: number,
  type: PaymentType,
  amount: number,
  currency: string,
  sender: string,
  receiver: string,
  initiatedAtMs: number,
  status: PaymentStatus,
  reason: string | null,
  statusAtMs: number,
]

/** Two busy days of a till: what the rules look back to, and few enough to read with every batch. */
export const HISTORY_MAX = 100

/**
 * Payments out of the owner's wallet that are read besides, but for those that came to nothing: of a month, and more than the
 * payees that a device is known by.
 */
export const PAID_OUT_MAX = 60
export const PAID_OUT_DAYS = 30

async function readDevices(
  pool: pg.Pool,
  bundles: readonly AuthorisedBundle[],
): Promise<ReadonlyMap<string, KnownDevice>> {
  const { rows } = await pool.query<{
    device_id: string
    registered_at: Date
    payments: SettledPayment[] | null
    paid_out: SettledPayment[] | null
    conflicts: number
  }>(
    `SELECT d.device_id, d.registered_at, p.payments, o.paid_out, c.conflicts
     FROM offline_devices d
     LEFT JOIN LATERAL (
       SELECT json_agg(json_build_array(counter, type, amount_minor, currency, sender, receiver,
                floor(extract(epoch FROM initiated_at) * 1000)::bigint, status, reason,
                floor(extract(epoch FROM status_at) * 1000)::bigint) ORDER BY counter) AS payments
       FROM (SELECT * FROM offline_transactions WHERE device_id = d.device_id ORDER BY counter DESC LIMIT $2) t) p ON true
     LEFT JOIN LATERAL (
       SELECT json_agg(json_build_array(counter, type, amount_minor, currency, sender, receiver,
                floor(extract(epoch FROM initiated_at) * 1000)::bigint, status, reason,
                floor(extract(epoch FROM status_at) * 1000)::bigint) ORDER BY initiated_at, counter) AS paid_out
       FROM (SELECT * FROM offline_transactions
             WHERE sender = d.owner_wallet AND device_id = d.device_id AND type <> 'cashin'
               AND status NOT IN ('refused', 'failed', 'reversed')
               AND initiated_at > now() - make_interval(days => $4)
             ORDER BY initiated_at DESC, counter DESC LIMIT $3) t) o ON true
     CROSS JOIN LATERAL (
       SELECT count(*) AS conflicts FROM offline_conflicts
       WHERE device_id = d.device_id AND recorded_at > now() - interval '30 days') c
     WHERE d.device_id = ANY ($1)`,
    [[...new Set(bundles.map(deviceOf))], HISTORY_MAX, PAID_OUT_MAX, PAID_OUT_DAYS],
  )
  return new Map(
    rows.map((row) => [
      row.device_id,
      {
        registeredAtMs: row.registered_at.getTime(),
        payments: row.payments ?? [],
        paidOut: row.paid_out ?? [],
        conflicts: row.conflicts,
      },
    ]),
  )
}

/**
 * The same rules as at the edge. Holes in the chain are left to it: bundles come here in any order, and one that is late
 * is not missing.
 */
function assessHere(bundle: AuthorisedBundle, known: KnownDevice | undefined) {
  if (known === undefined) throw new Error('a verified bundle of an unknown device')
  const { verified, policy, taker } = bundle
  const { ownerWallet } = taker
  const { receipt, payload } = verified
  const nowMs = receipt.receivedAtMs
  const payments = aliveOf(bundle)
  // Payments of this very bundle can be in the book when it comes a second time.
  const isBefore = ([counter]: SettledPayment) => counter < receipt.firstCounter || counter > receipt.lastCounter
  const before = known.payments.filter(isBefore)
  const past = before.map(paymentOf)
  const verdicts = before.map(([, , , , , , , status]): Verdict => ({ decision: decisionOf(status) }))
  const outcomes = before.map(([, , , , , , , status, reason]) => ({ status, ...(reason !== null && { reason }) }))
  const reputation = withOutcomes(newReputation(nowMs), outcomes, nowMs)
  return assessLocally({
    payments,
    policy,
    ownerWallet,
    signedAtMs: verified.bundle.claims.signedAtMs,
    countedMs: payload.countedMs,
    history: {
      ...updateHistory(emptyHistory, past, verdicts, { policy, ownerWallet, nowMs }),
      // A till's last payments are two days; whom it pays shows in a month.
      payees: withPayees([], known.paidOut.filter(isBefore).map(paymentOf)),
    },
    holes: 0,
    missingBefore: 0,
    recentConflicts: known.conflicts,
    deviceAgeMs: Math.max(0, nowMs - known.registeredAtMs),
    reputation: reputationAt(reputation, nowMs),
  })
}

/** What came of a payment after it was accepted does not make its amount less usual. */
function decisionOf(status: PaymentStatus): Verdict['decision'] {
  const isOwn = status === 'refused' || status === 'review' || status === 'quarantined' || status === 'claimed'
  return isOwn ? status : 'accepted'
}

function paymentOf([counter, type, amount, currency, sender, receiver, initiatedAtMs]: SettledPayment): Payment {
  return { counter, type, method: 'wallet', amount, currency, sender, receiver, initiatedAtMs } as Payment
}
