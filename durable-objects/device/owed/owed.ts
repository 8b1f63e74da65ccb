import { lateRecords } from '../../../src/edge/store/bundle-audit.ts'
import type { IndexMessage } from '../../../src/edge/store/index-message.ts'
import { equalBytes } from '../../../src/protocol/bytes.ts'
import { KEY_ID_BYTES, OLDER_KEYS_MAX } from '../../../src/protocol/limits.ts'
import type {
  AllowanceOrderMessage,
  BundleMessage,
  ClaimAnswerMessage,
  DeviceMessage,
  MandateMessage,
  OlderDeviceKey,
  ResolutionMessage,
  ReversalReason,
  StatedConsent,
} from '../../../src/protocol/messages.ts'
import { MINUTE_MS } from '../../../src/protocol/time.ts'
import type { Resolution } from '../ballot.ts'
import type { StoredBundle } from '../bundle.ts'
import { statedCode } from '../code.ts'
import type { Device, OlderKey, Owing } from '../device.ts'
import type { KeptOrder } from '../sql/allowance-store.ts'
import type { AuditRecord } from '../sql/audit-store.ts'
import type { OwedAnswer } from '../sql/claim-store.ts'
import type { KeptMandate } from '../sql/mandate-store.ts'
import { bundleRow, deviceRow } from './projection.ts'

/**
 * What is owed: to the reconciler, whatever it has not confirmed to hold; to the read model, whatever its writer has not, but
 * for what a confirmation was handed to bring there. Derived from the rows each time. Pure.
 */

/** How long a message may take before it is sent again. */
export const SETTLE_PATIENCE_MS = 10_000
/** As long as that a bundle may be missing from what operators see, when it is not settled and shown at once. */
export const INDEX_PATIENCE_MS = 5_000
/**
 * When an object that admitted something looks after what it owes, whatever has become of that instance. Sooner than an idle object
 * leaves memory, after 10 s: an alarm that has to start one first costs as much as a push.
 */
export const WATCH_MS = 9_000
/** The longest pause between two attempts. */
export const BACKOFF_MAX_MS = 15 * MINUTE_MS
/**
 * How long after its time an alarm may still run: an object that it woke must not put it off, and the runtime tries one
 * that failed again within two minutes.
 */
export const ALARM_LATE_MAX_MS = 120_000
/** What one alarm looks at; the next alarm goes on. */
export const OWED_PER_ALARM = 100
/** Between two pages of a backlog that is longer than that. */
export const NEXT_PAGE_MS = 1_000

/** A bundle whose payments wait for people no more, with what is owed about it. */
export interface Ended {
  readonly bundle: StoredBundle
  readonly resolution: Resolution
  readonly audit: AuditRecord
}

/**
 * When to try again what is owed since `sinceMs`: after as long again as it already waited, so that the pauses double
 * without a counter to keep; with jitter, so that objects that failed together do not come back together.
 *
 * @param random 0 … 1
 */
export function nextAttemptMs(sinceMs: number, patienceMs: number, nowMs: number, random: number): number {
  const pause = Math.min(Math.max(nowMs - sinceMs, patienceMs), BACKOFF_MAX_MS)
  return Math.round(nowMs + pause * (0.75 + random / 2))
}

export function settleMessageOf({ deviceId }: Pick<Device, 'deviceId'>, bundle: StoredBundle): BundleMessage {
  if (bundle.bundle.length === 0) throw new Error('a bundle that was moved before the reconciler had it')
  return { kind: 'bundle', deviceId, bundle: bundle.bundle, receipt: bundle.receipt }
}

export function answerMessageOf(
  { deviceId }: Pick<Device, 'deviceId'>,
  { rev, signed, factsRev }: OwedAnswer,
): ClaimAnswerMessage {
  return { kind: 'claim_answer', deviceId, rev, answer: signed, factsRev }
}

export function mandateMessageOf(
  { deviceId }: Pick<Device, 'deviceId'>,
  { rev, signed, factsRev, atMs }: KeptMandate,
): MandateMessage {
  return { kind: 'mandate', deviceId, rev, atMs, mandate: signed, factsRev }
}

export function orderMessageOf(
  { deviceId }: Pick<Device, 'deviceId'>,
  { rev, signed, factsRev, atMs }: KeptOrder,
): AllowanceOrderMessage {
  return { kind: 'allowance_order', deviceId, rev, atMs, order: signed, factsRev }
}

export function deviceMessageOf(device: Device, nowMs: number): DeviceMessage {
  const { deviceId, rev, alg, kid, publicKey, status, country, tenant, ownerWallet } = device
  const facts = { deviceId, rev, alg, kid, publicKey, status, country, tenant, ownerWallet }
  // Each of them each time: a key whose own message was lost may have signed what is on its way, and one that was lost
  // by its device must not debit anybody any more.
  const olderKeys = namedKeys(device).map((key): OlderDeviceKey => {
    return {
      alg: key.alg,
      kid: key.kid,
      publicKey: key.publicKey,
      fate: key.state === 'revoked' ? 'revoked' : 'replaced',
    }
  })
  // Ended ones too: what was admitted before the end may come to the book after it.
  const consents = device.consents.map(({ signed, withdrawnAtMs }): StatedConsent => {
    return { signed, ...(withdrawnAtMs !== null && { withdrawnAtMs }) }
  })
  const code = statedCode(device.kid, device.codeRequest)
  return {
    ...{ kind: 'device', ...facts, atMs: nowMs },
    ...(olderKeys.length > 0 && { olderKeys }),
    ...(consents.length > 0 && { consents }),
    ...(code && { code }),
  }
}

/**
 * The newest, and each that there is consent for: what such a key signs moves money, and whoever has the device could put as many others
 * after it as one message names.
 */
function namedKeys({ olderKeys, consents }: Pick<Device, 'olderKeys' | 'consents'>): readonly OlderKey[] {
  const pays = ({ kid }: OlderKey) =>
    consents.some(({ thumbprint }) => equalBytes(thumbprint.subarray(0, KEY_ID_BYTES), kid))
  const paying = new Set(olderKeys.filter(pays))
  const others = new Set(olderKeys.filter((key) => !paying.has(key)).slice(paying.size - OLDER_KEYS_MAX))
  return olderKeys.filter((key) => paying.has(key) || others.has(key))
}

export function resolutionMessageOf({ deviceId }: Device, resolution: Resolution): ResolutionMessage {
  const { rev, kind, bundleId, seq, choices, reason, atMs, actors } = resolution
  const about = { deviceId, bundleId, seq, rev, decidedAtMs: atMs, actors }
  if (kind === 'review') return { kind, ...about, choices }
  return { kind, ...about, counter: choices[0]?.counter ?? 0, reason: reason as ReversalReason }
}

export function indexMessageOf(device: Owing, bundle: StoredBundle): IndexMessage {
  const row = bundleRow(device, bundle)
  const audit = lateRecords(row)
  return audit.length === 0 ? { bundle: row } : { bundle: row, audit }
}

export function deviceIndexMessageOf(device: Device): IndexMessage {
  return { device: deviceRow(device) }
}
