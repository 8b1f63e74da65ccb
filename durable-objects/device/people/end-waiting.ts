import type { StoredBundle } from '../bundle.ts'
import type { Ended } from '../owed/owed.ts'
import type { Actor } from '../person.ts'
import { readRevokedBy, writeAuditRecord } from '../sql/audit-store.ts'
import { readExpired, readOpen, updateBundle } from '../sql/bundle-store.ts'
import { readStatus } from '../sql/device-store.ts'
import { insertResolution } from '../sql/resolution-store.ts'
import type { EndedCount } from '../standing.ts'
import { endsWithDevice, endWaiting, overdue, type WaitingEnd } from './ending.ts'
import { waiting } from './voting.ts'

/** Bundles that are held in memory at once. */
const PAGE = 100

/** Ends what has waited too long. Call it within a storage transaction. */
export function endExpired(sql: SqlStorage, nowMs: number): readonly Ended[] {
  const how = { end: 'expire', reason: 'nobody decided in time' } as const
  let first: readonly Ended[] | undefined
  for (;;) {
    // What has ended is read no more, so the pages come to an end.
    const ended = readExpired(sql, nowMs, PAGE).map((bundle) =>
      end(sql, bundle, overdue(bundle, nowMs), how, { actor: 'system' }, nowMs),
    )
    first ??= ended
    if (ended.length < PAGE) return first
  }
}

/** What a revocation ended. */
export interface EndedWithDevice {
  /** The first page of it, to be sent at once: the rest is owed as well. */
  readonly ended: readonly Ended[]
  readonly count: EndedCount
}

/** A device was revoked: ends all that waits of it. Call it in the transaction that revokes it. */
export function endRevoked(sql: SqlStorage, by: Actor, reason: string, nowMs: number): EndedWithDevice {
  let first: readonly Ended[] | undefined
  let [reviews, claims, seq] = [0, 0, 0]
  for (;;) {
    const open = readOpen(sql, seq, PAGE)
    const ended = open.map((bundle) => {
      const forPeople = waiting(bundle).length
      const counters = endsWithDevice(bundle)
      reviews += forPeople
      claims += counters.length - forPeople
      return end(sql, bundle, counters, { end: 'revoke', reason }, by, nowMs)
    })
    first ??= ended
    if (open.length < PAGE) return { ended: first, count: { reviews, claims } }
    seq = open.at(-1)?.seq ?? seq
  }
}

/**
 * What the reconciler says of a bundle that was admitted before its device was revoked lets something wait, for people or for its
 * payer: what waits now ends now, by whoever revoked the device.
 *
 * Call it within a storage transaction.
 *
 * @returns undefined when nothing of it waits, or the device is not revoked
 */
export function endIfRevoked(sql: SqlStorage, bundle: StoredBundle, nowMs: number): Ended | undefined {
  const counters = endsWithDevice(bundle)
  if (counters.length === 0 || readStatus(sql) !== 'revoked') return undefined
  const how = { end: 'revoke', reason: 'the device is revoked' } as const
  return end(sql, bundle, counters, how, { actor: readRevokedBy(sql) ?? 'system' }, nowMs)
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
