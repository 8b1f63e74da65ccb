import { activityKey, calendarDay, noActivity } from '../../src/protocol/activity.ts'
import { GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import { highestCounter, missingCounters } from '../../src/protocol/counters.ts'
import { MISSING_PER_NOTICE_MAX } from '../../src/protocol/limits.ts'
import type { DeviceFacts, Outcome } from '../../src/protocol/notice.ts'
import type { Device } from './device.ts'
import { readDigest } from './sql/bundle-store.ts'
import { lastCursor, readOutcomes } from './sql/outcome-store.ts'

/** What a notice is made of. */
export interface NoticeParts {
  readonly outcomes: readonly Outcome[]
  readonly cursor: number
  readonly missing: readonly number[]
  readonly device: DeviceFacts | undefined
}

type Told = Pick<Device, 'counters' | 'head' | 'ownerWallet' | 'activity' | 'policy'>

/** What a device is told: outcomes after its cursor, and what the object misses from it. */
export function readNotice(sql: SqlStorage, device: Told, cursor: number | undefined, nowMs: number): NoticeParts {
  const missing = missingCounters(device.counters, MISSING_PER_NOTICE_MAX)
  // Without a cursor the device has no payments whose outcomes it could miss.
  if (cursor === undefined) {
    return { outcomes: [], cursor: lastCursor(sql), missing, device: readFacts(sql, device, nowMs) }
  }
  return { ...readOutcomes(sql, cursor), missing, device: undefined }
}

function readFacts(sql: SqlStorage, device: Told, nowMs: number): DeviceFacts {
  const { timeZone, currency } = device.policy
  const day = calendarDay(nowMs, timeZone)
  const head = readDigest(sql, device.head)
  return {
    ownerWallet: device.ownerWallet,
    nextCounter: highestCounter(device.counters) + 1,
    nextSeq: device.head + 1,
    prev: head === undefined ? GENESIS_PREV : prevOf(head),
    today: { day, ...(device.activity.get(activityKey(day, currency)) ?? noActivity) },
  }
}
