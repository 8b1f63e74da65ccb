import type { DayActivity } from './activity.ts'
import { type AllowanceStanding, allowanceFromCbor, allowanceToCbor } from './allowances.ts'
import { type CborValue, decodeCbor, Encoded, encodeCbor, MalformedCbor } from './cbor.ts'
import { type Claim, claimFromCbor, claimToCbor } from './claims.ts'
import { type Debit, debitFromCbor, debitToCbor } from './debits.ts'
import { type DeniedPass, deniedFromCbor, deniedToCbor } from './denied.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { type KeySet, keySetFromCbor, keySetToCbor } from './keyset.ts'
import {
  CLAIMS_PER_NOTICE_MAX,
  COUNTER_MAX,
  DATE_MS_MAX,
  DEBITS_PER_NOTICE_MAX,
  MANDATED_PER_NOTICE_MAX,
  MISSING_PER_NOTICE_MAX,
  NONCE_BYTES,
  OUTCOMES_PER_NOTICE_MAX,
  PARTY_CHARS_MAX,
  PASS_BYTES_MAX,
  PREV_BYTES,
} from './limits.ts'
import { type MandatedDebit, mandatedFromCbor, mandatedToCbor } from './mandated.ts'
import { WALLET_FAULTS, type WalletFault } from './owner-wallet.ts'
import { type Policy, policyFromCbor, policyToCbor } from './policy.ts'
import { decodeReceipt, encodeReceipt, type Receipt } from './receipt.ts'
import { bytes, list, map, oneOf, positive, text, uint } from './shape.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from './states.ts'
import { compactId, expandId } from './uuid.ts'

/** What the edge tells a device that it missed (docs/protocol.md §6.3); made fresh for each answer, signed. */
export interface Notice {
  readonly deviceId: DeviceId
  readonly serverTimeMs: number
  /** Outcomes after the device's cursor, oldest first. */
  readonly outcomes: readonly Outcome[]
  /** What the device sends as its cursor next time. */
  readonly cursor: number
  /** Only when newer than the device's. */
  readonly policy?: Policy
  /** Only when newer than the device's. */
  readonly keys?: KeySet
  /** Counters below the highest that the server has seen which it has not seen. */
  readonly missing?: readonly number[]
  /** Only for a device that sends no cursor: where it stands, so that it can start, or start again. */
  readonly device?: DeviceFacts
  /** Beside `device`: what the receipt of its last bundle says, for a device that never got that receipt. */
  readonly lastReceipt?: Receipt
  /** Only for a device that sends a cursor: what comes next of it. Not there once its numbers are used up. */
  readonly next?: NextNumbers
  /** The nonce of the device proof that asked for it: an earlier notice answers another. */
  readonly answersNonce?: Uint8Array
  /** The wallet that the device is registered for is not in the ledger, or another tenant's. */
  readonly ownerWalletFault?: WalletFault
  /** Payments that others claim from the owner's wallet and that wait for its holder's word, oldest first. */
  readonly claims?: readonly Claim[]
  /** What was paid out of the owner's wallet by its holder's mandates, the newest of it, newest first. */
  readonly mandated?: readonly MandatedDebit[]
  /** What became of what others' devices took on its holder's word, the newest of it, newest first. */
  readonly debits?: readonly Debit[]
  /** Until when payments out of the owner's wallet need no other word than this device's (consent.ts); absent: they do. */
  readonly paysUntilMs?: number
  /** A payer's pass that the device has asked for (pass.ts). */
  readonly pass?: Uint8Array
  /** Changes to the passes that must not be believed, in the order of their versions. */
  readonly denied?: readonly DeniedPass[]
  /** How the newest allowance of the device is. */
  readonly allowance?: AllowanceStanding
}

/** The numbers after those that the edge has admitted. A device behind them has forgotten a part of its history. */
export interface NextNumbers {
  readonly nextCounter: number
  readonly nextSeq: number
}

/** What a device must know of itself before its first payment: `NextNumbers` that will be taken. */
export interface DeviceFacts extends NextNumbers {
  /** The wallet whose owner holds the device. */
  readonly ownerWallet: string
  /** `prev` of its next bundle. */
  readonly prev: Uint8Array
  /** What its limits of the day are used up by, in the policy's currency. */
  readonly today: DayTotal
}

/** What the edge has counted of a calendar day in the policy's zone, `YYYY-MM-DD`. */
export interface DayTotal extends DayActivity {
  readonly day: string
}

/** What became of a payment. */
export interface Outcome {
  readonly counter: number
  readonly status: PaymentStatus
  readonly atMs: number
  readonly reason?: string
  /** The ledger's transfer, for a payment that was posted. */
  readonly transferId?: string
}

/** A notice whose outcomes are encoded already, and go to their device as they came; so is what a receipt says. */
export type NoticeToSend = Omit<Notice, 'outcomes' | 'lastReceipt'> & {
  readonly outcomes: readonly Outcome[] | Encoded
  readonly lastReceipt?: Receipt | Uint8Array
}

export function encodeNotice(notice: NoticeToSend): Uint8Array {
  const { outcomes } = notice
  const claims = new Map<number, CborValue>([
    [1, notice.deviceId],
    [2, notice.serverTimeMs],
    [3, outcomes instanceof Encoded ? outcomes : outcomes.map(outcomeToCbor)],
    [4, notice.cursor],
  ])
  if (notice.policy) claims.set(5, policyToCbor(notice.policy))
  if (notice.keys) claims.set(6, keySetToCbor(notice.keys))
  if (notice.missing) claims.set(7, notice.missing)
  if (notice.device) {
    const { ownerWallet, nextCounter, nextSeq, prev, today } = notice.device
    claims.set(8, [ownerWallet, nextCounter, nextSeq, prev, today.day, today.count, today.value])
  }
  if (notice.ownerWalletFault) claims.set(9, WALLET_FAULTS.indexOf(notice.ownerWalletFault))
  if (notice.next) claims.set(10, [notice.next.nextCounter, notice.next.nextSeq])
  if (notice.answersNonce) claims.set(11, notice.answersNonce)
  if (notice.claims) claims.set(12, notice.claims.map(claimToCbor))
  if (notice.paysUntilMs !== undefined) claims.set(13, notice.paysUntilMs)
  if (notice.mandated) claims.set(14, notice.mandated.map(mandatedToCbor))
  if (notice.pass) claims.set(16, notice.pass)
  if (notice.denied) claims.set(18, notice.denied.map(deniedToCbor))
  if (notice.allowance) claims.set(17, allowanceToCbor(notice.allowance))
  if (notice.debits) claims.set(19, notice.debits.map(debitToCbor))
  const { lastReceipt: last } = notice
  if (last) claims.set(15, last instanceof Uint8Array ? last : encodeReceipt(last))
  return encodeCbor(claims)
}

/** @throws MalformedCbor */
export function decodeNotice(encoded: Uint8Array): Notice {
  const claims = map(
    decodeCbor(encoded),
    'notice',
    [1, 2, 3, 4],
    [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  )
  const deviceId = claims.get(1)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('device_id')
  return {
    deviceId,
    serverTimeMs: uint(claims.get(2), 'server_time'),
    outcomes: list(claims.get(3), 'outcomes', 0, OUTCOMES_PER_NOTICE_MAX).map(outcomeFromCbor),
    cursor: uint(claims.get(4), 'cursor'),
    ...(claims.has(5) && { policy: policyFromCbor(claims.get(5)) }),
    ...(claims.has(6) && { keys: keySetFromCbor(claims.get(6)) }),
    ...(claims.has(7) && { missing: list(claims.get(7), 'missing', 1, MISSING_PER_NOTICE_MAX).map(missingCounter) }),
    ...(claims.has(8) && { device: factsFromCbor(claims.get(8)) }),
    ...(claims.has(9) && { ownerWalletFault: oneOf(claims.get(9), 'owner_wallet_fault', WALLET_FAULTS) }),
    ...(claims.has(10) && { next: numbersFromCbor(claims.get(10)) }),
    ...(claims.has(11) && { answersNonce: bytes(claims.get(11), 'answers_nonce', NONCE_BYTES) }),
    ...(claims.has(12) && { claims: list(claims.get(12), 'claims', 1, CLAIMS_PER_NOTICE_MAX).map(claimFromCbor) }),
    ...(claims.has(13) && { paysUntilMs: uint(claims.get(13), 'pays_until', DATE_MS_MAX) }),
    ...(claims.has(14) && {
      mandated: list(claims.get(14), 'mandated', 1, MANDATED_PER_NOTICE_MAX).map(mandatedFromCbor),
    }),
    ...(claims.has(15) && {
      lastReceipt: decodeReceipt(bytes(claims.get(15), 'last_receipt', { max: encoded.length })),
    }),
    ...(claims.has(18) && { denied: deniedFromCbor(claims.get(18)) }),
    ...(claims.has(19) && { debits: list(claims.get(19), 'debits', 1, DEBITS_PER_NOTICE_MAX).map(debitFromCbor) }),
    ...(claims.has(16) && { pass: bytes(claims.get(16), 'pass', { max: PASS_BYTES_MAX }) }),
    ...(claims.has(17) && { allowance: allowanceFromCbor(claims.get(17)) }),
  }
}

function numbersFromCbor(value: CborValue | undefined): NextNumbers {
  const [nextCounter, nextSeq] = list(value, 'next', 2, 2)
  return {
    nextCounter: positive(nextCounter, 'next_counter', COUNTER_MAX),
    nextSeq: positive(nextSeq, 'next_seq', COUNTER_MAX),
  }
}

function factsFromCbor(value: CborValue | undefined): DeviceFacts {
  const [ownerWallet, nextCounter, nextSeq, prev, day, count, counted] = list(value, 'device', 7, 7)
  return {
    ownerWallet: text(ownerWallet, 'owner_wallet', PARTY_CHARS_MAX),
    nextCounter: positive(nextCounter, 'next_counter', COUNTER_MAX),
    nextSeq: positive(nextSeq, 'next_seq', COUNTER_MAX),
    prev: bytes(prev, 'prev', PREV_BYTES),
    today: { day: date(day), count: uint(count, 'count'), value: uint(counted, 'value') },
  }
}

function date(value: CborValue | undefined): string {
  const day = text(value, 'day', 10)
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) throw new MalformedCbor('day')
  return day
}

const missingCounter = (value: CborValue): number => positive(value, 'missing', COUNTER_MAX)

/** `[counter, status, at, ? reason / null, ? transfer_id]` */
export function outcomeToCbor(outcome: Outcome): CborValue {
  const { counter, status, atMs, reason, transferId } = outcome
  const fields: CborValue[] = [counter, PAYMENT_STATUSES.indexOf(status), atMs]
  if (transferId !== undefined) return [...fields, reason ?? null, compactId(transferId)]
  return reason === undefined ? fields : [...fields, reason]
}

/** @throws MalformedCbor */
export function outcomeFromCbor(value: CborValue): Outcome {
  const [counter, status, at, reason, transferId] = list(value, 'outcome', 3, 5)
  return {
    counter: positive(counter, 'counter', COUNTER_MAX),
    status: oneOf(status, 'status', PAYMENT_STATUSES),
    atMs: uint(at, 'at'),
    ...(reason !== undefined && reason !== null && { reason: text(reason, 'reason', 64) }),
    ...(transferId !== undefined && { transferId: readTransferId(transferId) }),
  }
}

function readTransferId(value: CborValue): string {
  return expandId(typeof value === 'string' ? text(value, 'transfer_id', 64) : bytes(value, 'transfer_id', 16))
}

/** What a push is answered with: both parts are signed objects of their own. */
export function encodePushResponse(receipt: Uint8Array, notice: Uint8Array): Uint8Array {
  return encodeCbor(
    new Map([
      [1, receipt],
      [2, notice],
    ]),
  )
}

/** @throws MalformedCbor */
export function decodePushResponse(encoded: Uint8Array): { receipt: Uint8Array; notice: Uint8Array } {
  const parts = map(decodeCbor(encoded), 'push_response', [1, 2])
  return {
    receipt: bytes(parts.get(1), 'receipt', { max: encoded.length }),
    notice: bytes(parts.get(2), 'notice', { max: encoded.length }),
  }
}
