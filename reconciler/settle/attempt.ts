import type pg from 'pg'
import { record } from '../audit.ts'
import { type Backoff, backoffMs, PAUSE_MAX_MS, waitingMs } from '../backoff.ts'
import { isHalted, isTransient, transact } from '../db.ts'
import { faultOf, type Log } from '../log.ts'
import { type InboxRow, park, parkingOf, retry, type Wanted, wait } from '../pull/inbox.ts'

/**
 * One look at one message, and what comes of it when it cannot go on: it waits, is tried again, or is parked. If not even
 * that can be written, the lease runs out and the message comes up again.
 */
export interface AttemptDeps {
  readonly pool: pg.Pool
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
}

/** After this many failures of its own a person has to look. */
export const FAILURES_MAX = 10
export const FAILURE: Backoff = { firstMs: 1_000, maxMs: PAUSE_MAX_MS }
/** What is waited for is on its way, or will be sent again by the edge. */
export const WAITING: Backoff = { firstMs: 500, maxMs: 60_000 }

/** Runs one message's part. What fails is tried again; what keeps failing, and not because of the database, is parked. */
export async function attempt(deps: AttemptDeps, row: InboxRow, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await failed(deps, row, error)
  }
}

/**
 * A step for many messages in one go. When it fails, each is tried by itself, so that one that cannot be worked on stops
 * no other.
 *
 * @returns those it went well for, with what the step gave
 */
export async function together<T extends { readonly row: InboxRow }, R>(
  deps: AttemptDeps,
  items: readonly T[],
  step: (items: readonly T[]) => Promise<R>,
): Promise<readonly (readonly [T, R])[]> {
  if (items.length === 0) return []
  try {
    const result = await step(items)
    return items.map((item) => [item, result] as const)
  } catch (error) {
    deps.log.warn({ messages: items.length, fault: faultOf(error) }, 'step failed; each by itself')
    // The database's own fault, which is no better for one than for all.
    if (isTransient(error) || items.length === 1) {
      for (const { row } of items) await failed(deps, row, error)
      return []
    }
  }
  const done: (readonly [T, R])[] = []
  for (const item of items) {
    await attempt(deps, item.row, async () => {
      done.push([item, await step([item])])
    })
  }
  return done
}

async function failed(deps: AttemptDeps, row: InboxRow, error: unknown): Promise<void> {
  // Of no message's own making, and no failure: it goes on when settlement does.
  if (isHalted(error)) return waitFor(deps, row, { what: 'settlement' })
  const fault = faultOf(error)
  const own = !isTransient(error)
  if (own && row.failures + 1 >= FAILURES_MAX) return parkRow(deps, row, fault)
  deps.log.warn({ inbox: row.id, kind: row.kind, attempts: row.attempts, fault }, 'message failed')
  const until = new Date(deps.clock() + backoffMs(FAILURE, row.attempts, deps.random()))
  await retry(deps.pool, row.id, fault, until, own)
}

export async function waitFor(deps: AttemptDeps, row: InboxRow, wanted: Wanted): Promise<void> {
  const pauseMs = waitingMs(WAITING, waitedMs(deps, row, wanted.what), deps.random())
  const nowMs = deps.clock()
  await wait(deps.pool, row.id, wanted, new Date(nowMs + pauseMs), new Date(nowMs))
}

/** How long it has waited for that. */
export function waitedMs(
  { clock }: Pick<AttemptDeps, 'clock'>,
  { waitingFor, waitingSince }: InboxRow,
  what: Wanted['what'],
): number {
  return waitingFor === what && waitingSince !== null ? Math.max(0, clock() - waitingSince.getTime()) : 0
}

export async function parkRow(deps: AttemptDeps, row: InboxRow, fault: string): Promise<void> {
  deps.log.error({ inbox: row.id, kind: row.kind, fault }, 'message parked')
  const at = new Date(deps.clock())
  await transact(deps.pool, async (client) => {
    const parked = await park(client, [{ ...row, fault }], at)
    if (parked.length > 0) await record(client, parked.map(parkingOf), at)
  })
}
