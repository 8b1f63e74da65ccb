import type { StoredBundle } from '../bundle.ts'
import type { Ended } from '../owed/owed.ts'
import type { Actor } from '../person.ts'
import { readRevokedBy, writeAuditRecord } from '../sql/audit-store.ts'
import { readExpired, readWaiting, updateBundle } from '../sql/bundle-store.ts'
import { readStatus } from '../sql/device-store.ts'
import { insertResolution } from '../sql/resolution-store.ts'
import { endWaiting, overdue, type WaitingEnd } from './ending.ts'
import { waiting } from './voting.ts'

/** Bundles that are held in memory at once. */
const PAGE = 100

/** Ends what has waited too long. Call it within a storage transaction. */
export function endExpired(sql: SqlStorage, nowMs: number): readonly Ended[] {
  const how = { end: 'expire', reason: 'nobody decided in time' } as const
  return inPages(
    () => readExpired(sql, nowMs, PAGE),
    (bundle) => end(sql, bundle, overdue(bundle, nowMs), how, { actor: 'system' }, nowMs),
  )
}

/** A device was revoked: ends all that waits of it. Call it in the transaction that revokes it. */
export function endRevoked(sql: SqlStorage, by: Actor, reason: string, nowMs: number): readonly Ended[] {
  return inPages(
    () => readWaiting(sql, PAGE),
    (bundle) => end(sql, bundle, waiting(bundle), { end: 'revoke', reason }, by, nowMs),
  )
}

/**
 * The reconciler was stricter than the edge about a bundle that was admitted before its device was revoked: what waits now
 * ends now, by whoever revoked the device.
 *
 * Call it within a storage transaction.
 *
 * @returns undefined when nothing of it waits, or the device is not revoked
 */
export function endIfRevoked(sql: SqlStorage, bundle: StoredBundle, nowMs: number): Ended | undefined {
  const counters = waiting(bundle)
  if (counters.length === 0 || readStatus(sql) !== 'revoked') return undefined
  const how = { end: 'revoke', reason: 'the device is revoked' } as const
  return end(sql, bundle, counters, how, { actor: readRevokedBy(sql) ?? 'system' }, nowMs)
}

/** What has ended is read no more, so the pages come to an end. @returns the first page of them: the others are owed as well */
function inPages(read: () => readonly StoredBundle[], end: (bundle: StoredBundle) => Ended): readonly Ended[] {
  let first: readonly Ended[] | undefined
  for (;;) {
    const ended = read().map(end)
    first ??= ended
    if (ended.length < PAGE) return first
  }
}

function end(
  sql: SqlStorage,
  waits: StoredBundle,
  counters: readonly number[],
  how: { readonly end: WaitingEnd; readonly reason: string },
  by: Actor,
  nowMs: number,
): Ended {
  const { bundle, resolution: decided } = endWaiting(waits, counters, { ...how, actor: by.actor }, nowMs)
  updateBundle(sql, bundle)
  const resolution = insertResolution(sql, decided)
  const detail = { rev: resolution.rev, choice: how.end, counters: counters.join(' '), agreed: by.actor }
  return { bundle, resolution, audit: writeAuditRecord(sql, nowMs, by, 'review_decided', detail, bundle.bundleId) }
}
