import { compressKey } from '../../src/crypto/compressed-key.ts'
import { activityKey, calendarDay, noActivity } from '../../src/protocol/activity.ts'
import type { AllowanceStanding } from '../../src/protocol/allowances.ts'
import { encodeCbor } from '../../src/protocol/cbor.ts'
import { GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import { paysUntil } from '../../src/protocol/consent.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { highestCounter, missingCounters } from '../../src/protocol/counters.ts'
import { COUNTER_MAX, MISSING_PER_NOTICE_MAX, PASS_HOURS_MAX } from '../../src/protocol/limits.ts'
import type { DeviceFacts, NextNumbers } from '../../src/protocol/notice.ts'
import type { WalletFault } from '../../src/protocol/owner-wallet.ts'
import { HOUR_MS } from '../../src/protocol/time.ts'
import type { Device } from './device.ts'
import { readAllowance } from './sql/allowance-store.ts'
import { readProof } from './sql/bundle-store.ts'
import { NOTHING_TAKEN, readTaken, type Taken } from './sql/claim-store.ts'
import { withLeftOut } from './sql/left-out-store.ts'
import { lastCursor, readOutcomes } from './sql/outcome-store.ts'
import { keepPass } from './sql/pass-store.ts'

/** What a notice is made of. */
export interface NoticeParts extends Taken {
  /** An encoded list, as the notice holds them. */
  readonly outcomes: Uint8Array
  readonly cursor: number
  readonly missing: readonly number[]
  readonly device: DeviceFacts | undefined
  /** What the receipt of the last bundle says, encoded. */
  readonly lastReceipt: Uint8Array | undefined
  readonly next: NextNumbers | undefined
  readonly ownerWalletFault: WalletFault | null
  readonly paysUntilMs: number | undefined
  /** How the device's newest allowance is. */
  readonly allowance: AllowanceStanding | undefined
  /** What a pass says of the device, when it has asked for one and there is consent for its key. */
  readonly pass: PassFacts | undefined
}

/** The Worker adds what the policy lets it pay, and signs. */
export interface PassFacts {
  readonly wallet: string
  /** Compressed. */
  readonly key: Uint8Array
  /** Its consent's end. */
  readonly untilMs: number
  /** Money that the ledger holds for it. */
  readonly allowance: AllowanceStanding | undefined
}

const NO_OUTCOMES = encodeCbor([])

type Told = Pick<
  Device,
  | 'counters'
  | 'head'
  | 'kid'
  | 'alg'
  | 'publicKey'
  | 'status'
  | 'ownerWallet'
  | 'ownerWalletFault'
  | 'consents'
  | 'activity'
  | 'policy'
>

/**
 * What an answer to a relayed bundle says of the device: nothing. Whoever carries the bundle reads it, and what was said to
 * the carrier was not said to the device, so the cursor stays where the request has it.
 */
export function relayedNotice(cursor = 0): NoticeParts {
  const nothing = { missing: [], device: undefined, lastReceipt: undefined, next: undefined, ...NOTHING_TAKEN }
  const unknown = { ownerWalletFault: null, paysUntilMs: undefined, allowance: undefined, pass: undefined }
  return { outcomes: NO_OUTCOMES, cursor, ...unknown, ...nothing }
}

/** What the device says it has, and wants. */
export interface Asked {
  readonly cursor: number | undefined
  /** A payer's pass. */
  readonly wantsPass?: boolean
}

/** What a device is told: outcomes after its cursor, and what the object misses from it. */
export function readNotice(sql: SqlStorage, device: Told, asked: Asked, nowMs: number): NoticeParts {
  const { cursor } = asked
  const missing = missingCounters(withLeftOut(sql, device.counters), MISSING_PER_NOTICE_MAX)
  const { ownerWalletFault } = device
  const next = nextNumbers(device)
  const paysUntilMs = paysUntil(device.consents, device.kid, nowMs)
  // Also without consent: it may have signed under it, and nothing comes of that unsaid.
  const allowance = readAllowance(sql)
  const pass = asked.wantsPass ? passFacts(device, paysUntilMs, allowance) : undefined
  // Before it is given: what is not known of here nobody can call back.
  if (pass) keepPass(sql, { kid: device.kid, untilMs: Math.min(pass.untilMs, nowMs + PASS_HOURS_MAX * HOUR_MS) })
  // The holder's to see. What it was told while there was consent the object may still have.
  const taken = paysUntilMs === undefined ? NOTHING_TAKEN : readTaken(sql, nowMs)
  // Without a cursor the device has no payments whose outcomes it could miss.
  if (cursor === undefined) {
    const last = next && readProof(sql, device.head)
    return {
      outcomes: NO_OUTCOMES,
      cursor: lastCursor(sql),
      missing,
      device: next && factsOf(device, last?.digest, next, nowMs),
      // The notice is signed, so that the receipt's own signature, by a key that may be gone, is not needed.
      lastReceipt: last && parseSign1(last.receipt).payload,
      next: undefined,
      ownerWalletFault,
      ...{ ...taken, paysUntilMs, allowance, pass },
    }
  }
  const own = { paysUntilMs, allowance, pass }
  const facts = { device: undefined, lastReceipt: undefined, next, ownerWalletFault, ...taken, ...own }
  return { ...readOutcomes(sql, cursor), missing, ...facts }
}

/** A device that is suspended may be in other hands; one with an RSA key has none that fits into a pass. */
function passFacts(
  { status, alg, publicKey, ownerWallet: wallet }: Told,
  untilMs: number | undefined,
  allowance: AllowanceStanding | undefined,
): PassFacts | undefined {
  const key = compressKey({ alg, bytes: publicKey })
  if (untilMs === undefined || key === undefined || status !== 'active') return undefined
  // The ledger holds the money, and the device has not said that it closes.
  return { wallet, key, untilMs, allowance: allowance?.state === 'open' ? allowance : undefined }
}

/** @returns undefined when the device has used up its numbers: a next one that nobody takes must not be told */
function nextNumbers({ counters, head }: Told): NextNumbers | undefined {
  const [nextCounter, nextSeq] = [highestCounter(counters) + 1, head + 1]
  return Math.max(nextCounter, nextSeq) > COUNTER_MAX ? undefined : { nextCounter, nextSeq }
}

function factsOf(device: Told, last: Uint8Array | undefined, next: NextNumbers, nowMs: number): DeviceFacts {
  const { timeZone, currency } = device.policy
  const day = calendarDay(nowMs, timeZone)
  return {
    ownerWallet: device.ownerWallet,
    ...next,
    prev: last === undefined ? GENESIS_PREV : prevOf(last),
    today: { day, ...(device.activity.get(activityKey(day, currency)) ?? noActivity) },
  }
}
