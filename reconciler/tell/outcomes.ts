import type pg from 'pg'
import { CONFIRMATIONS_PER_CALL_MAX, type RefusedConsent } from '../../src/protocol/confirmations.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import { faultOf, type Log } from '../log.ts'
import type { GoOn } from '../loop.ts'
import { type DeviceAnswer, type Edge, EdgeRefused } from './edge.ts'
import {
  claimHeads,
  type Head,
  markDelivered,
  markUndelivered,
  type OutboxRow,
  readUndelivered,
  unclaim,
} from './outbox.ts'

/**
 * Outbox → edge: claim the oldest of each device → read what is true now → send → mark. No lock is held while sending.
 *
 * Dies after sending: the lease runs out and the same is said again, which the edge takes without a change. It is tried
 * until the edge takes it.
 */
export interface OutcomesDeps {
  /** By device, which of its consents the ledger does not bear out now. */
  readonly refused: (deviceIds: readonly string[]) => Promise<ReadonlyMap<string, readonly RefusedConsent[]>>
  /** How many wrong tries of a request for a code the edge has signed: rows may say more. */
  readonly wrongTries: (request: { readonly deviceId: string; readonly no: number }) => Promise<number>
  readonly pool: pg.Pool
  readonly edge: Edge
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
}

/** Devices in one round; each has an object of its own to be reached at the edge. */
const DEVICES_MAX = 100
/** Of one call: a large one would hold up the pushes beside it at the edge. */
const DEVICES_PER_CALL = 25
const FAILURE: Backoff = { firstMs: 1_000, maxMs: 5 * MINUTE_MS }

/** Calls at a time. */
const PARALLEL_MAX = 8
/** When a round has taken this long, what is left of it is given back: well within its lease. */
const ROUND_MAX_MS = 30_000

/**
 * What failed before goes alone, so that one message the edge cannot take does not hold up other devices. When the edge
 * does not answer, the round ends: the others would only wait for it as well.
 *
 * @returns how many devices were due
 */
export async function sendOnce(deps: OutcomesDeps, goOn: GoOn = () => true): Promise<number> {
  const heads = await claimHeads(deps.pool, DEVICES_MAX, deps.clock())
  const fresh = heads.filter(({ attempts }) => attempts === 1)
  const failedBefore = heads.filter(({ attempts }) => attempts > 1).map((head) => [head])
  const calls = [...slices(fresh, DEVICES_PER_CALL), ...failedBefore]
  const untilMs = deps.clock() + ROUND_MAX_MS
  for (let i = 0; i < calls.length; i += PARALLEL_MAX) {
    if (!goOn() || deps.clock() > untilMs) {
      await giveBack(deps, calls.slice(i).flat(), 0)
      break
    }
    const answered = await Promise.all(calls.slice(i, i + PARALLEL_MAX).map((call) => send(deps, call)))
    if (answered.includes(false)) {
      await giveBack(deps, calls.slice(i + PARALLEL_MAX).flat(), backoffMs(FAILURE, 1, deps.random()))
      break
    }
  }
  return heads.length
}

/** Nothing failed that would be theirs. */
async function giveBack({ pool, clock }: OutcomesDeps, heads: readonly Head[], pauseMs: number): Promise<void> {
  if (heads.length > 0) await unclaim(pool, heads, new Date(clock() + pauseMs))
}

/** @returns whether the edge answered, if only with a refusal of this very call */
async function send(deps: OutcomesDeps, heads: readonly Head[]): Promise<boolean> {
  const devices = heads.map(({ deviceId }) => deviceId)
  const rows = await withRefused(deps, await readUndelivered(deps.pool, devices, CONFIRMATIONS_PER_CALL_MAX))
  let answers: ReadonlyMap<string, DeviceAnswer> = new Map()
  let fault = 'not answered'
  let answered = true
  const confirmations = rows.flatMap(({ confirmation }) => confirmation ?? [])
  try {
    if (confirmations.length > 0) answers = await deps.edge.confirm(confirmations)
  } catch (error) {
    fault = error instanceof EdgeRefused ? `edge ${error.status}` : faultOf(error)
    answered = error instanceof EdgeRefused && error.status < 500 && error.status !== 429
    deps.log.warn({ devices: heads.length, confirmations: confirmations.length, fault }, 'edge not told')
  }
  const delivered = rows.filter((row) => isDelivered(row, answers))
  if (delivered.length > 0) await markDelivered(deps.pool, delivered, new Date(deps.clock()))

  const done = new Set(delivered.map(({ id }) => id))
  const read = new Set(rows.map(({ id }) => id))
  // Cut off by the limit of a call: nothing failed, they go with the next one.
  const cutOff = heads.filter(({ id }) => !read.has(id))
  await giveBack(deps, cutOff, 0)
  for (const head of heads) {
    if (done.has(head.id) || !read.has(head.id)) continue
    const until = new Date(deps.clock() + backoffMs(FAILURE, head.attempts, deps.random()))
    await markUndelivered(deps.pool, head.id, answers.get(head.deviceId) ?? fault, until)
  }
  return answered
}

/** With a device's facts goes which of its consents count for nothing, and how often a code was wrong. */
async function withRefused(
  { refused, wrongTries }: OutcomesDeps,
  rows: readonly OutboxRow[],
): Promise<readonly OutboxRow[]> {
  const about = rows.flatMap(({ confirmation: one, deviceId }) => (one?.kind === 'device_recorded' ? [deviceId] : []))
  if (about.length === 0) return rows
  const byDevice = await refused(about)
  return Promise.all(
    rows.map(async (row): Promise<OutboxRow> => {
      const { confirmation, deviceId } = row
      if (confirmation?.kind !== 'device_recorded') return row
      const [named, { code }] = [byDevice.get(deviceId), confirmation]
      const believed = code && code.wrong > 0 && { ...code, wrong: await wrongTries({ deviceId, no: code.no }) }
      return {
        ...row,
        confirmation: { ...confirmation, ...(named && { refused: named }), ...(believed && { code: believed }) },
      }
    }),
  )
}

/** A row with nothing to say yet is told when it changes. */
function isDelivered({ confirmation, deviceId }: OutboxRow, answers: ReadonlyMap<string, DeviceAnswer>): boolean {
  return confirmation === undefined || answers.get(deviceId) === 'confirmed'
}

const slices = <T>(items: readonly T[], size: number): (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
