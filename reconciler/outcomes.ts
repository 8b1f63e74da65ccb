import type pg from 'pg'
import { CONFIRMATIONS_PER_CALL_MAX } from '../src/protocol/confirmations.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import { type DeviceAnswer, type Edge, EdgeRefused } from './edge.ts'
import { faultOf, type Log } from './log.ts'
import { claimHeads, type Head, markDelivered, markUndelivered, type OutboxRow, readUndelivered } from './outbox.ts'

/**
 * Outbox → edge: claim the oldest of each device → read what holds → send → mark. No lock is held while sending.
 *
 * Dies after sending: the lease runs out and the same is said again, which the edge takes without a change. It is tried
 * until the edge takes it.
 */
export interface OutcomesDeps {
  readonly pool: pg.Pool
  readonly edge: Edge
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
}

/** Devices in one round; each has an object of its own to be reached at the edge. */
const DEVICES_MAX = 100
const FAILURE: Backoff = { firstMs: 1_000, maxMs: 5 * 60_000 }

/** @returns how many devices were due */
export async function sendOnce(deps: OutcomesDeps): Promise<number> {
  const heads = await claimHeads(deps.pool, DEVICES_MAX, deps.clock())
  const fresh = heads.filter(({ attempts }) => attempts === 1)
  // What failed before goes alone, so that one message the edge cannot take does not hold up other devices.
  const failedBefore = heads.filter(({ attempts }) => attempts > 1).map((head) => [head])
  for (const group of fresh.length > 0 ? [fresh, ...failedBefore] : failedBefore) await send(deps, group)
  return heads.length
}

async function send(deps: OutcomesDeps, heads: readonly Head[]): Promise<void> {
  const rows = await readUndelivered(
    deps.pool,
    heads.map(({ deviceId }) => deviceId),
    CONFIRMATIONS_PER_CALL_MAX,
  )
  let answers: ReadonlyMap<string, DeviceAnswer> = new Map()
  let fault = 'not answered'
  const confirmations = rows.flatMap(({ confirmation }) => confirmation ?? [])
  try {
    if (confirmations.length > 0) answers = await deps.edge.confirm(confirmations)
  } catch (error) {
    fault = error instanceof EdgeRefused ? `edge ${error.status}` : faultOf(error)
    deps.log.warn({ devices: heads.length, confirmations: confirmations.length, fault }, 'edge not told')
  }
  const delivered = rows.filter((row) => isDelivered(row, answers))
  if (delivered.length > 0) await markDelivered(deps.pool, delivered, new Date(deps.clock()))

  const done = new Set(delivered.map(({ id }) => id))
  const read = new Set(rows.map(({ id }) => id))
  for (const head of heads) {
    if (done.has(head.id)) continue
    // Cut off by the limit of a call: nothing failed, it goes with the next one.
    const pauseMs = read.has(head.id) ? backoffMs(FAILURE, head.attempts, deps.random()) : 0
    const until = new Date(deps.clock() + pauseMs)
    await markUndelivered(deps.pool, head.id, answers.get(head.deviceId) ?? fault, until)
  }
}

/** A row with nothing to say yet is told when it changes. */
function isDelivered({ confirmation, deviceId }: OutboxRow, answers: ReadonlyMap<string, DeviceAnswer>): boolean {
  return confirmation === undefined || answers.get(deviceId) === 'confirmed'
}
