import type { Subject } from '../../reconciler/tell/outbox.ts'
import { fromHex } from '../../src/protocol/bytes.ts'
import type { Claim } from '../../src/protocol/claims.ts'
import { CONFIRMATIONS_PER_CALL_MAX, type Confirmation } from '../../src/protocol/confirmations.ts'
import { DEBIT_STATUSES, type Debit } from '../../src/protocol/debits.ts'
import { deviceId as asDeviceId, parseUlid } from '../../src/protocol/ids.ts'
import { CLAIMS_PER_NOTICE_MAX, DEBITS_PER_NOTICE_MAX, MANDATED_PER_NOTICE_MAX } from '../../src/protocol/limits.ts'
import type { MandatedDebit } from '../../src/protocol/mandated.ts'
import type { Outcome } from '../../src/protocol/notice.ts'
import { allowanceVerdict } from './allowance-verdict.ts'
import { assertBook } from './broken.ts'
import { verdictOf } from './codes.ts'
import { earliest, isDue } from './inbox.ts'
import type { OutboxRow } from './outbox-rows.ts'
import { bundleKey, type ModelState } from './state.ts'
import { walletState } from './wallet-state.ts'

/** What is said about a row as it stands now. */
export interface Said {
  readonly id: number
  readonly deviceId: string
  readonly version: number
  /** Undefined while there is nothing to say. */
  readonly confirmation: Confirmation | undefined
}

const LEASE_MS = 60_000
const HEADS_MAX = 100

/** Makes the edge be told, again if it was told before. */
export function announce({ outbox }: ModelState, subjects: readonly Subject[], atMs: number): void {
  const once = new Map(subjects.map((subject) => [keyOf(subject), subject]))
  for (const [key, subject] of once) {
    const known = outbox.rows.get(key)
    const row = known ?? { ...subject, id: outbox.rows.size + 1, ...UNTOLD }
    // What is under way or waits after a failure keeps its time.
    if (row.deliveredVersion === row.version) row.nextAttemptAtMs = atMs
    row.version += 1
    outbox.rows.set(key, row)
    outbox.untold.add(row)
  }
}

const UNTOLD = { version: 0, deliveredVersion: 0, attempts: 0, nextAttemptAtMs: 0 }

const keyOf = ({ deviceId, bundleId, resolutionRev, answerRev, claims, allowance }: Subject) =>
  JSON.stringify([deviceId, bundleId, resolutionRev, answerRev, claims, allowance].map((part) => part ?? null))

/** Devices of one wallet that are told of the claims on it. */
const DEVICES_PER_WALLET_MAX = 8

export function claimSubjects(state: ModelState, wallets: readonly string[]): readonly Subject[] {
  return [...new Set(wallets)].flatMap((wallet) =>
    [...state.devices]
      .filter(([, { ownerWallet, status }]) => ownerWallet === wallet && status === 'active')
      .filter(([, { tenant }]) => walletState(state, wallet, tenant) === 'known')
      .filter(([, { consents }]) =>
        [...consents.values()].some((one) => one.wallet === wallet && one.withdrawnAtMs === null),
      )
      .sort(([a, x], [b, y]) => y.registeredAtMs - x.registeredAtMs || (a < b ? -1 : 1))
      .slice(0, DEVICES_PER_WALLET_MAX)
      .map(([deviceId]) => ({ deviceId, claims: true })),
  )
}

function openClaimsOn({ payments }: ModelState, wallet: string | undefined): readonly Claim[] {
  return [...payments.values()]
    .flatMap(({ deviceId, payment, hash, status, claimUntilMs }): Claim[] => {
      if (status !== 'claimed' || claimUntilMs === undefined || payment.sender !== wallet) return []
      const { counter, type, amount, currency, receiver, initiatedAtMs } = payment
      const about = { takerId: asDeviceId(deviceId), counter, contentHash: fromHex(hash), type, amount, currency }
      return [{ ...about, receiver, initiatedAtMs, openUntilMs: claimUntilMs }]
    })
    .sort(
      (a, b) =>
        a.openUntilMs - b.openUntilMs ||
        (a.takerId < b.takerId ? -1 : Number(a.takerId > b.takerId)) ||
        a.counter - b.counter,
    )
    .slice(0, CLAIMS_PER_NOTICE_MAX)
}

/** The newest first. */
function mandatedOf({ payments, mandated }: ModelState, wallet: string | undefined): readonly MandatedDebit[] {
  return [...mandated]
    .flatMap(([key, { postedAtMs }]): MandatedDebit[] => {
      const row = payments.get(key)
      if (row === undefined || row.status !== 'succeeded' || row.payment.sender !== wallet) return []
      const { counter, type, amount, currency, receiver, initiatedAtMs } = row.payment
      const takerId = asDeviceId(row.deviceId)
      return [{ takerId, counter, type, amount, currency, receiver, initiatedAtMs, postedAtMs }]
    })
    .reverse()
    .slice(0, MANDATED_PER_NOTICE_MAX)
}

/** The newest word first. */
function debitsOf({ payments, worded }: ModelState, wallet: string | undefined): readonly Debit[] {
  return [...worded]
    .flatMap(([key, { requestId, atMs }]) => {
      const row = payments.get(key)
      return row !== undefined && row.payment.sender === wallet ? [{ row, requestId, atMs }] : []
    })
    .sort(
      (a, b) =>
        b.atMs - a.atMs ||
        (a.row.deviceId < b.row.deviceId ? -1 : Number(a.row.deviceId > b.row.deviceId)) ||
        a.row.payment.counter - b.row.payment.counter,
    )
    .slice(0, DEBITS_PER_NOTICE_MAX)
    .map(({ row, requestId }): Debit => {
      const { counter, type, amount, currency, receiver, initiatedAtMs } = row.payment
      const status = DEBIT_STATUSES.find((one) => one === row.status)
      assertBook(status !== undefined, 'what has its word waits for people, or has ended')
      return {
        ...{ takerId: asDeviceId(row.deviceId), counter, type, amount, currency, receiver, initiatedAtMs, status },
        statusAtMs: row.statusAtMs,
        ...(requestId && { requestId }),
        ...(row.reason !== undefined && { reason: row.reason }),
      }
    })
}

/** What may be confirmed as soon as it is received: all that the edge signs, and bundles that the book has already. */
export function confirmable({ bundles }: ModelState, subjects: readonly Subject[]): readonly Subject[] {
  return subjects.filter(
    ({ deviceId, bundleId }) => bundleId === undefined || bundles.has(bundleKey(deviceId, bundleId)),
  )
}

/** Takes the oldest undelivered row of each device that is due. */
export function claimHeads(state: ModelState, atMs: number): readonly OutboxRow[] {
  const mine = heads(state)
    .filter((row) => isDue(row.nextAttemptAtMs, atMs))
    .sort((a, b) => a.nextAttemptAtMs - b.nextAttemptAtMs || a.id - b.id)
    .slice(0, HEADS_MAX)
  for (const row of mine) {
    row.attempts += 1
    row.nextAttemptAtMs = atMs + LEASE_MS
  }
  return mine.map((row) => ({ ...row }))
}

/** @returns when the edge is to be told next; undefined when it knows all */
export function nextTellMs(state: ModelState, atMs: number): number | undefined {
  return earliest(heads(state), ({ nextAttemptAtMs }) => nextAttemptAtMs, atMs)
}

function heads(state: ModelState): OutboxRow[] {
  const first = new Map<string, OutboxRow>()
  for (const row of undelivered(state)) if (!first.has(row.deviceId)) first.set(row.deviceId, row)
  return [...first.values()]
}

/** Oldest first. */
const undelivered = ({ outbox }: ModelState) => [...outbox.untold].sort((a, b) => a.id - b.id)

/** Everything undelivered of these devices as it stands now. */
export function readUndelivered(state: ModelState, deviceIds: ReadonlySet<string>): readonly Said[] {
  return undelivered(state)
    .filter(({ deviceId }) => deviceIds.has(deviceId))
    .slice(0, CONFIRMATIONS_PER_CALL_MAX)
    .map((row) => ({
      id: row.id,
      deviceId: row.deviceId,
      version: row.version,
      confirmation: confirmationOf(state, row),
    }))
}

function confirmationOf(state: ModelState, row: OutboxRow): Confirmation | undefined {
  const deviceId = asDeviceId(row.deviceId)
  if (row.resolutionRev !== undefined) return { kind: 'resolution_recorded', deviceId, rev: row.resolutionRev }
  if (row.answerRev !== undefined) return { kind: 'answer_recorded', deviceId, rev: row.answerRev }
  if (row.claims) {
    const claims = openClaimsOn(state, state.devices.get(deviceId)?.ownerWallet)
    const mandated = mandatedOf(state, state.devices.get(deviceId)?.ownerWallet)
    const debits = debitsOf(state, state.devices.get(deviceId)?.ownerWallet)
    return { kind: 'claims_open', deviceId, rev: row.version, claims, mandated, debits }
  }
  if (row.allowance) {
    const verdict = allowanceVerdict(state, deviceId)
    return verdict && { kind: 'allowance_stands', deviceId, rev: row.version, ...verdict }
  }
  if (row.bundleId === undefined || row.seq === undefined) {
    const device = state.devices.get(deviceId)
    const code = verdictOf(state, deviceId)
    return (
      device && { kind: 'device_recorded', deviceId, rev: device.rev, wallet: device.wallet, ...(code && { code }) }
    )
  }
  const bundleId = parseUlid(row.bundleId)
  assertBook(bundleId !== undefined, 'a bundle has a ULID')
  const subject = { deviceId, bundleId, seq: row.seq }
  const bundle = state.bundles.get(bundleKey(deviceId, row.bundleId))
  if (bundle === undefined) return { kind: 'bundle_recorded', ...subject }
  return { kind: 'bundle_settled', ...subject, rev: bundle.rev, outcomes: outcomesOf(state, deviceId, row.bundleId) }
}

/** Of the payments of a bundle, in the order of their counters. */
export function outcomesOf(state: ModelState, deviceId: string, bundleId: string): readonly Outcome[] {
  const payments = [...state.payments.values()].flatMap((row): Outcome[] => {
    if (row.deviceId !== deviceId || row.bundleId !== bundleId) return []
    const { status, reason, transferId, statusAtMs: atMs } = row
    const why = { ...(reason !== undefined && { reason }), ...(transferId !== undefined && { transferId }) }
    return [{ counter: row.payment.counter, status, atMs, ...why }]
  })
  const copies = state.copies.flatMap((row): Outcome[] =>
    row.deviceId === deviceId && row.bundleId === bundleId
      ? [{ counter: row.counter, status: 'refused', atMs: row.recordedAtMs, reason: 'duplicate' }]
      : [],
  )
  return [...payments, ...copies].sort((a, b) => a.counter - b.counter)
}

/** What the edge has taken. A row that changed meanwhile stays due. */
export function markDelivered({ outbox }: ModelState, said: readonly Said[], atMs: number): void {
  const versions = new Map(said.map(({ id, version }) => [id, version]))
  for (const row of outbox.untold) {
    const version = versions.get(row.id)
    if (version === undefined) continue
    row.deliveredVersion = Math.max(row.deliveredVersion, version)
    row.attempts = 0
    row.nextAttemptAtMs = atMs
    if (row.deliveredVersion === row.version) outbox.untold.delete(row)
  }
}

/** @param isFailure whether the attempt counts */
export function postpone({ outbox }: ModelState, ids: ReadonlySet<number>, untilMs: number, isFailure: boolean): void {
  for (const row of outbox.untold) {
    if (!ids.has(row.id)) continue
    row.nextAttemptAtMs = untilMs
    if (!isFailure) row.attempts = Math.max(row.attempts - 1, 0)
  }
}
