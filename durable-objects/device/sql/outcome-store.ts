import { activityKey, calendarDay, noActivity } from '../../../src/protocol/activity.ts'
import { GENESIS_PREV, prevOf } from '../../../src/protocol/chain.ts'
import { highestCounter, missingCounters } from '../../../src/protocol/counters.ts'
import { MISSING_PER_NOTICE_MAX, OUTCOMES_PER_NOTICE_MAX } from '../../../src/protocol/limits.ts'
import type { DeviceFacts, Outcome } from '../../../src/protocol/notice.ts'
import type { Device, NoticeParts } from '../types.ts'
import { first } from './device-store.ts'

type Told = Pick<Device, 'counters' | 'head' | 'ownerWallet' | 'activity' | 'policy'>

/** What a device is told: outcomes after its cursor, and what the object misses from it. */
export function readNotice(sql: SqlStorage, device: Told, cursor: number | undefined, nowMs: number): NoticeParts {
  const missing = missingCounters(device.counters, MISSING_PER_NOTICE_MAX)
  // Without a cursor the device has no payments whose outcomes it could miss.
  if (cursor === undefined) return { outcomes: [], cursor: lastCursor(sql), missing, device: facts(sql, device, nowMs) }
  const outcomes: Outcome[] = []
  let reached: number | undefined
  const rows = sql.exec<{ cursor: number; outcomes: string }>(
    'SELECT cursor, outcomes FROM outcomes WHERE cursor > ? ORDER BY cursor LIMIT ?',
    cursor,
    OUTCOMES_PER_NOTICE_MAX,
  )
  for (const row of rows) {
    const more = JSON.parse(row.outcomes) as Outcome[]
    if (outcomes.length + more.length > OUTCOMES_PER_NOTICE_MAX) break
    outcomes.push(...more)
    reached = row.cursor
  }
  // Nothing after it: the device stands at the last, or beyond it, where it must not stay.
  reached ??= Math.min(cursor, lastCursor(sql))
  return { outcomes, cursor: reached, missing, device: undefined }
}

const lastCursor = (sql: SqlStorage): number =>
  sql.exec<{ last: number }>('SELECT COALESCE(MAX(cursor), 0) AS last FROM outcomes').one().last

export function insertOutcomes(sql: SqlStorage, outcomes: readonly Outcome[]): void {
  if (outcomes.length > 0) sql.exec('INSERT INTO outcomes (outcomes) VALUES (?)', JSON.stringify(outcomes))
}

function facts(sql: SqlStorage, device: Told, nowMs: number): DeviceFacts {
  const { timeZone, currency } = device.policy
  const day = calendarDay(nowMs, timeZone)
  const head = first(sql.exec('SELECT * FROM bundles WHERE seq = ?', device.head))
  return {
    ownerWallet: device.ownerWallet,
    nextCounter: highestCounter(device.counters) + 1,
    nextSeq: device.head + 1,
    prev: head === undefined ? GENESIS_PREV : prevOf(head.digest),
    today: { day, ...(device.activity.get(activityKey(day, currency)) ?? noActivity) },
  }
}
