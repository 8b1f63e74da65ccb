import type pg from 'pg'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import type { ResolutionMessage } from '../../src/protocol/messages.ts'
import type { PaymentType } from '../../src/protocol/payment.ts'
import { encodeSettleMessage } from '../../src/protocol/settle-codec.ts'
import type { PaymentStatus } from '../../src/protocol/states.ts'
import { record } from '../audit.ts'
import { type Backoff, backoffMs, PAUSE_MAX_MS } from '../backoff.ts'
import { isHalted, transact } from '../db.ts'
import { faultOf, type Log } from '../log.ts'
import type { GoOn } from '../loop.ts'
import type { Alarm } from '../not-believed.ts'
import { lockPending, markDone } from '../pull/inbox.ts'
import { lockDevices } from '../registry/lock-devices.ts'
import { claimedWallets, claimSubjects } from '../tell/claim-subjects.ts'
import { announce } from '../tell/outbox.ts'
import { updateBundles } from './bundle-statuses.ts'
import { findLateProofs, findLostProofs, type LateProofDeps, writeLateProofs, writeLostProofs } from './late-proof.ts'
import { isSignedResolution, itemsOf, RESOLUTION_EVIDENCE, type ResolutionEvidence } from './signed-resolution.ts'
import { countByStatus, type StatusCount } from './status-counts.ts'

/**
 * Resolutions of people, in two transactions:
 *
 *   record: inbox → `offline_resolutions`   ·   apply: whatever is open and can be carried out → book
 *
 * What is open is read from the tables each time, so neither the order of messages nor a process that dies in between can
 * lose a resolution: it waits for its bundle, and a reversal also for the review of its payment.
 */

/** @returns why it contradicts what is known, or undefined when it is recorded; an `unknown_device` may still come */
export async function recordResolution(
  pool: pg.Pool,
  inboxId: number,
  message: ResolutionMessage,
  /** As the edge signed it. */
  body: Uint8Array,
  at: Date,
): Promise<'unknown_device' | 'resolution_conflict' | undefined> {
  const { deviceId, rev, kind, actors } = message
  const bundleId = ulidText(message.bundleId)
  const items = itemsOf(message)
  const hash = await webCryptoSuite.sha256(encodeSettleMessage(message))
  return transact(pool, async (client) => {
    if (!(await lockPending(client, [inboxId])).has(inboxId)) return undefined
    // Bundles of the device are recorded under the same lock.
    if ((await lockDevices(client, [deviceId])) === 0) return 'unknown_device'
    const { rows } = await client.query<{ content_hash: Uint8Array }>(
      'SELECT content_hash FROM offline_resolutions WHERE device_id = $1 AND rev = $2 LIMIT 1',
      [deviceId, rev],
    )
    const known = rows[0]
    if (known !== undefined && toHex(known.content_hash) !== toHex(hash)) return 'resolution_conflict'
    if (known === undefined) {
      await client.query(
        `INSERT INTO offline_resolutions (device_id, rev, counter, bundle_id, choice, reason, actors, content_hash,
           decided_at, recorded_at, message)
         SELECT $1, $2, counter, $3, choice, $4, $5, $6, $7, $8, $11
         FROM unnest($9::bigint[], $10::text[]) AS d (counter, choice)`,
        [
          ...[deviceId, rev, bundleId, message.kind === 'reversal' ? message.reason : null, actors, Buffer.from(hash)],
          ...[new Date(message.decidedAtMs), at],
          ...[items.map(([counter]) => counter), items.map(([, choice]) => choice), Buffer.from(body)],
        ],
      )
      const detail = { rev, kind, choices: items }
      await record(client, [{ deviceId, bundleId, action: 'resolution_recorded', actors, detail }], at)
    }
    await markDone(client, [inboxId], at)
    return undefined
  })
}

export interface ResolutionDeps extends LateProofDeps {
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
  /** Told after COMMIT. */
  readonly settled: (counts: readonly StatusCount[]) => void
  readonly alarm: Alarm
}

/** How long resolutions are applied device by device in one round. */
const ONE_BY_ONE_MAX_MS = 30_000
/** Devices in one transaction. */
const DEVICES_MAX = 50
const FAILURE: Backoff = { firstMs: 1_000, maxMs: PAUSE_MAX_MS }
/** The pauses of what fails, some way along: no look at it changes anything soon. */
const FAR_ATTEMPT = 6

/**
 * Reviews before reversals, and each in a transaction of its own: both lock accounts in their order, and one transaction
 * that did so twice could deadlock with another.
 */
const STEPS = [
  {
    apply: 'offline_apply_reviews',
    due: "choice <> 'reverse' AND (waiting_for IS NULL OR waiting_for = 'second_person')",
  },
  {
    apply: 'offline_apply_reversals',
    due: "choice = 'reverse' AND (waiting_for IS NULL OR waiting_for IN ('money', 'second_person'))",
  },
] as const
type Step = (typeof STEPS)[number]

/** Carries out what can be carried out now. @returns how many resolutions about single payments were looked at */
export async function applyResolutions(deps: ResolutionDeps, goOn: GoOn = () => true): Promise<number> {
  let count = 0
  for (const step of STEPS) {
    const { rows } = await deps.pool.query<{ device_id: string }>(
      `SELECT DISTINCT device_id FROM offline_open_resolutions
       WHERE ${step.due} AND offline_resolution_is_due(choice, retry_at, $1) ORDER BY device_id LIMIT $2`,
      [new Date(deps.clock()), DEVICES_MAX],
    )
    const devices = rows.map(({ device_id }) => device_id)
    if (devices.length > 0) count += await applyAll(deps, step, devices, goOn)
  }
  return count
}

/** All devices at once. When that fails each by itself, so that one that cannot be worked on stops no other. */
async function applyAll(deps: ResolutionDeps, step: Step, devices: readonly string[], goOn: GoOn): Promise<number> {
  try {
    return await applyTo(deps, step, devices)
  } catch (error) {
    // They stay open, and are carried out when settlement goes on.
    if (isHalted(error)) return 0
    deps.log.warn(
      { devices: devices.length, fault: faultOf(error) },
      'resolutions not applied; applying them device by device',
    )
  }
  let count = 0
  const untilMs = deps.clock() + ONE_BY_ONE_MAX_MS
  for (const device of devices) {
    // What is left is open, and taken the next time.
    if (!goOn() || deps.clock() > untilMs) return count
    try {
      count += await applyTo(deps, step, [device])
    } catch (error) {
      if (isHalted(error)) return count
      const fault = faultOf(error)
      deps.log.error({ device, fault }, 'resolution not applied')
      await postpone(deps, step, device, fault)
    }
  }
  return count
}

async function postpone(deps: ResolutionDeps, { due }: Step, device: string, fault: string): Promise<void> {
  const now = deps.clock()
  await deps.pool.query(
    `UPDATE offline_resolutions SET last_error = $2, attempts = attempts + 1, retry_at = $3
     WHERE (device_id, rev, counter) IN (
       SELECT device_id, rev, counter FROM offline_open_resolutions
       WHERE ${due} AND device_id = $1 AND offline_resolution_is_due(choice, retry_at, $4))`,
    [device, fault, new Date(now + backoffMs(FAILURE, FAR_ATTEMPT, deps.random())), new Date(now)],
  )
}

/** What came of a resolution for one payment. */
interface Effect {
  readonly device_id: string
  readonly rev: number
  readonly counter: number
  readonly bundle_id: string
  readonly result:
    | 'applied'
    | 'short_of_money'
    /** One person alone, and more than one person decides in a day: it waits. */
    | 'withheld'
    | 'superseded'
    | 'not_waiting'
    | 'not_reversible'
    | 'too_late'
    | 'unknown_payment'
  readonly status: PaymentStatus | null
  readonly reason: string | null
  /** Null for a payment that is not known. */
  readonly type: PaymentType | null
  /** What became of the money that was held for it; a reversal has none. */
  readonly hold?: 'posted' | 'released' | null
}

/**
 * One transaction with everything that follows: payments, ledger, bundles, audit, what the edge is to be told. Twice, or
 * by two at once: the second finds nothing open.
 */
async function applyTo(deps: ResolutionDeps, { apply }: Step, devices: readonly string[]): Promise<number> {
  const at = new Date(deps.clock())
  const isReview = apply === 'offline_apply_reviews'
  const proofs = isReview ? await findLateProofs(deps, devices) : []
  const lost = isReview ? await findLostProofs(deps, devices, at.getTime()) : []
  const effects = await transact(deps.pool, async (client) => {
    await lockDevices(client, devices)
    await postponeUnsigned(deps, client, devices, at)
    await writeLateProofs(client, proofs, at)
    await writeLostProofs(client, lost)
    const { rows } = await client.query<Effect>(`SELECT * FROM ${apply}($1, $2)`, [devices, at])
    if (rows.length === 0) return rows
    const applied = rows.filter(({ result }) => result === 'applied')
    const bundles = await updateBundles(client, applied, at)
    await announce(client, [...bundles, ...(await claimSubjects(client, await claimedWallets(client, applied)))], at)
    await audit(client, rows, at)
    return rows
  })
  deps.settled(
    countByStatus(
      effects.flatMap(({ result, type, status }) =>
        result === 'applied' && type !== null && status !== null ? [{ type, status }] : [],
      ),
    ),
  )
  for (const { device_id: device, rev, counter, result, reason } of effects) {
    if (result === 'applied') continue
    if (result === 'withheld') {
      // The edge holds the same rule: that it let this pass is for somebody to look at.
      deps.log.error({ device, rev, counter }, 'one person has decided about more than a day allows; it waits')
      continue
    }
    deps.log.warn({ device, rev, counter, result, reason }, 'a resolution has no effect')
  }
  return effects.length
}

/**
 * No row moves money because it stands there: what is carried out of these devices is what the edge has signed. Any other row is
 * put off again and again, for as long as it stands there: a key of the edge may be missing here, and people's word must not be
 * lost for that.
 */
async function postponeUnsigned(
  { trusted, alarm, random }: ResolutionDeps,
  client: pg.ClientBase,
  devices: readonly string[],
  at: Date,
): Promise<void> {
  const { rows } = await client.query<ResolutionEvidence>(
    `SELECT ${RESOLUTION_EVIDENCE} FROM offline_resolutions
     WHERE device_id = ANY ($1) AND result IS NULL AND offline_resolution_is_due(choice, retry_at, $2)`,
    [devices, at],
  )
  const unsigned: ResolutionEvidence[] = []
  for (const row of rows) if (!(await isSignedResolution(row, trusted))) unsigned.push(row)
  if (unsigned.length === 0) return
  for (const { device_id: deviceId, rev, counter } of unsigned) alarm('resolution', { deviceId, rev, counter })
  await client.query(
    `UPDATE offline_resolutions d SET attempts = d.attempts + 1, last_error = 'not_signed', retry_at = $4
     FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS x (device_id, rev, counter)
     WHERE d.device_id = x.device_id AND d.rev = x.rev AND d.counter = x.counter`,
    [
      unsigned.map(({ device_id }) => device_id),
      unsigned.map(({ rev }) => rev),
      unsigned.map(({ counter }) => counter),
      new Date(at.getTime() + backoffMs(FAILURE, FAR_ATTEMPT, random())),
    ],
  )
}

/** One record for each resolution: what came of it for each of its payments, and of the money that was held for them. */
async function audit(client: pg.ClientBase, rows: readonly Effect[], at: Date): Promise<void> {
  const { rows: decided } = await client.query<{
    device_id: string
    rev: number
    actors: string[]
    before: number[] | null
  }>(
    `SELECT device_id, rev, actors, jsonb_agg(counter) FILTER (WHERE withheld_at < $3) AS before FROM offline_resolutions
     WHERE (device_id, rev) IN (SELECT * FROM unnest($1::text[], $2::bigint[])) GROUP BY device_id, rev, actors`,
    [rows.map(({ device_id }) => device_id), rows.map(({ rev }) => rev), at],
  )
  await record(
    client,
    decided.flatMap(({ device_id: deviceId, rev, actors, before }) => {
      // That something is withheld is on record once, however often it is looked at.
      const isKnown = ({ result, counter }: Effect) => result === 'withheld' && before?.includes(counter)
      const own = rows.filter((row) => row.device_id === deviceId && row.rev === rev && !isKnown(row))
      if (own.length === 0) return []
      const payments = own.map(({ counter, result, status, reason }) => [counter, result, status, reason])
      const holds = own.flatMap(({ counter, hold }) => (hold ? [[counter, hold]] : []))
      const bundleId = own[0]?.bundle_id ?? ''
      const detail = { rev, payments, ...(holds.length > 0 && { holds }) }
      return { deviceId, bundleId, action: 'resolution_applied' as const, actors, detail }
    }),
    at,
  )
}
