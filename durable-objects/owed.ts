import { encodeSettleMessage } from '../src/protocol/messages.ts'
import type { IndexMessage } from '../src/store/index-message.ts'
import { bundleRow, deviceRow } from './projection.ts'
import type { Device, StoredBundle } from './types.ts'

/**
 * What is owed: to the reconciler, whatever it has not confirmed to hold; to the read model, whatever D1 does not show.
 * Derived from the rows each time, so there is no flag that could be wrong. Pure.
 */

/** How long a message may take before it is sent again. */
export const SETTLE_PATIENCE_MS = 10_000
export const INDEX_PATIENCE_MS = 60_000
/** The longest pause between two attempts. */
export const BACKOFF_MAX_MS = 15 * 60_000
/** What one alarm looks at; the next alarm goes on. */
export const OWED_PER_ALARM = 100

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

export function settleMessageOf(device: Device, bundle: StoredBundle): Uint8Array {
  return encodeSettleMessage({
    kind: 'bundle',
    deviceId: device.deviceId,
    bundle: bundle.bundle,
    receipt: bundle.receipt,
    country: device.country,
    policyVersion: bundle.policyVersion,
  })
}

export function deviceMessageOf(device: Device, nowMs: number): Uint8Array {
  const { deviceId, rev, alg, kid, publicKey, status, country, tenant, ownerWallet } = device
  const facts = { deviceId, rev, alg, kid, publicKey, status, country, tenant, ownerWallet }
  return encodeSettleMessage({ kind: 'device', ...facts, atMs: nowMs })
}

export function indexMessageOf(device: Device, bundle: StoredBundle): IndexMessage {
  return { bundle: bundleRow(device, bundle) }
}

export function deviceIndexMessageOf(device: Device): IndexMessage {
  return { device: deviceRow(device) }
}
