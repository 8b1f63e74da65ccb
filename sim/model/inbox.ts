import { PAUSE_MAX_MS } from '../../reconciler/backoff.ts'
import type { Received, Wanted } from '../../reconciler/pull/inbox.ts'
import type { SettleMessage } from '../../src/protocol/messages.ts'

/** Messages between the settle queue and the book, as `offline_sync_queue` keeps them. */
export interface InboxState {
  /** By the message's key: the same message again has the same one. */
  readonly rows: Map<string, InboxRow>
  /** Those that are to be done, by their ids. */
  readonly pending: Map<number, InboxRow>
}

/** Has what production's row has, and so goes where that goes. */
export interface InboxRow {
  readonly id: number
  readonly kind: SettleMessage['kind']
  readonly deviceId: string
  readonly body: Uint8Array
  status: 'pending' | 'done' | 'parked'
  attempts: number
  failures: number
  waitingFor: Wanted['what'] | null
  waitingSince: Date | null
  waitingOn: readonly string[]
  nextRetryAtMs: number
  fault: string | undefined
}

const LEASE_MS = 60_000
const BATCH_MAX = 50

/** One that is here already changes nothing. What cannot be read is parked. */
export function receive(inbox: InboxState, messages: readonly Received[], atMs: number): void {
  for (const { dedupKey, kind, body, deviceId = '', fault } of messages) {
    if (inbox.rows.has(dedupKey)) continue
    const isUnreadable = kind === 'unreadable'
    const row: InboxRow = {
      id: inbox.rows.size + 1,
      // Never looked at: parked rows are not claimed.
      kind: isUnreadable ? 'bundle' : kind,
      deviceId,
      body,
      status: isUnreadable ? 'parked' : 'pending',
      attempts: 0,
      failures: 0,
      waitingFor: null,
      waitingSince: null,
      waitingOn: [],
      nextRetryAtMs: atMs,
      fault,
    }
    inbox.rows.set(dedupKey, row)
    if (!isUnreadable) inbox.pending.set(row.id, row)
  }
}

/** Takes messages that are due, each for one worker until its lease is over; copies, as a query would give. */
export function claim(inbox: InboxState, atMs: number): readonly InboxRow[] {
  const due = [...inbox.pending.values()].filter((row) => isDue(row.nextRetryAtMs, atMs))
  // What a clock that was wrong put off comes after what is due.
  const isMisdated = (row: InboxRow) => Number(row.nextRetryAtMs > atMs)
  due.sort((a, b) => isMisdated(a) - isMisdated(b) || a.nextRetryAtMs - b.nextRetryAtMs || a.id - b.id)
  const mine = due.slice(0, BATCH_MAX)
  for (const row of mine) {
    row.attempts += 1
    row.nextRetryAtMs = atMs + LEASE_MS
  }
  return mine.map((row) => ({ ...row })).sort((a, b) => a.id - b.id)
}

/** @returns when the next message is due, by the clock that is asked with; undefined when none is pending */
export function nextDueMs(inbox: InboxState, atMs: number): number | undefined {
  return earliest(inbox.pending.values(), ({ nextRetryAtMs }) => nextRetryAtMs, atMs)
}

/** Due, or put off further than any pause by a clock that was wrong. */
export const isDue = (dueAtMs: number, atMs: number): boolean => dueAtMs <= atMs || dueAtMs > atMs + PAUSE_MAX_MS

/** @returns when the first of them is due, now for all that are due already; undefined when there are none */
export function earliest<T>(rows: Iterable<T>, dueAtMs: (row: T) => number, atMs: number): number | undefined {
  let first: number | undefined
  for (const row of rows) {
    const due = dueAtMs(row)
    if (isDue(due, atMs)) return atMs
    if (first === undefined || due < first) first = due
  }
  return first
}

/** The row as it is now, if nobody has finished it. */
export const stillPending = ({ pending }: InboxState, id: number): InboxRow | undefined => pending.get(id)

export const markDone = (inbox: InboxState, id: number): void => end(inbox, id, 'done', undefined)
export const park = (inbox: InboxState, id: number, fault: string): void => end(inbox, id, 'parked', fault)

function end({ pending }: InboxState, id: number, status: 'done' | 'parked', fault: string | undefined): void {
  const row = pending.get(id)
  if (row === undefined) return
  pending.delete(id)
  Object.assign(row, { ...NOT_WAITING, status, fault })
}

const NOT_WAITING = { waitingFor: null, waitingSince: null, waitingOn: [] } as const

/** Not a failure, and no attempt. The time of waiting counts from when it began to wait for that. */
export function wait(inbox: InboxState, id: number, { what, devices = [] }: Wanted, untilMs: number, atMs: number) {
  const row = stillPending(inbox, id)
  if (row === undefined) return
  const goesOn = row.waitingFor === what && row.waitingSince !== null && row.waitingSince.getTime() <= atMs
  if (!goesOn) row.waitingSince = new Date(atMs)
  row.waitingFor = what
  row.waitingOn = devices
  row.nextRetryAtMs = untilMs
  row.attempts = Math.max(row.attempts - 1, 0)
  row.fault = undefined
}

/** What waited for this device goes on. */
export function wake(inbox: InboxState, deviceId: string, atMs: number): void {
  for (const row of inbox.pending.values()) if (row.waitingOn.includes(deviceId)) row.nextRetryAtMs = atMs
}

/** What waited for settlement goes on. */
export function settlementGoesOn(inbox: InboxState, atMs: number): void {
  for (const row of inbox.pending.values()) if (row.waitingFor === 'settlement') row.nextRetryAtMs = atMs
}

export function retry(inbox: InboxState, id: number, fault: string, untilMs: number): void {
  const row = stillPending(inbox, id)
  if (row !== undefined) Object.assign(row, { fault, nextRetryAtMs: untilMs, failures: row.failures + 1 })
}
