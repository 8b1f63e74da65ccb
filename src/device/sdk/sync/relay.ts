import { toBase64url } from '../../../protocol/bytes.ts'
import { prevOf } from '../../../protocol/chain.ts'
import { localId, ulidText } from '../../../protocol/ids.ts'
import { HOUR_MS } from '../../../protocol/time.ts'
import { OfflineError } from '../errors.ts'
import { tooOldAfter } from '../store/deadline.ts'
import type { Entry } from '../store/entry.ts'
import { nextBundle } from './assemble.ts'
import { edgeKeys } from './edge-keys.ts'
import { signOutgoing } from './push.ts'
import type { SyncDeps } from './sync-deps.ts'

/** A bundle for another device to carry: as a QR code, a file, a message. Whoever carries it can neither read nor change it. */
export interface RelayBundle {
  /** The signed bundle, as it is posted to `/offline/push`. */
  readonly bytes: Uint8Array
  /** ULID. */
  readonly bundleId: string
  /** Local ids of its payments. */
  readonly payments: readonly string[]
  /**
   * UTC milliseconds after which the edge does not take these bytes any more, or refuses a payment in them as too old. For
   * the former a fresh call signs again.
   */
  readonly expiresAtMs: number
}

/**
 * Signs the bundle in flight for a carrier. The sealed bytes are those that a sync sends, so it makes no difference which
 * of them arrives first, or that both do.
 *
 * @returns undefined when nothing waits
 * @throws OfflineError `chain_in_doubt`, `key_missing`, `key_locked`, `key_mismatch`, `storage_failed`, `not_ready`
 */
export async function sealForRelay(deps: SyncDeps): Promise<RelayBundle | undefined> {
  const { device } = deps
  const bundle = await nextBundle(deps)
  if (bundle === undefined) return undefined
  const signedAtMs = device.clock.signingMs()
  const signed = await signOutgoing(deps, bundle, { relay: true })
  if (!signed.ok) throw signed.error.error
  const counters = Array.from(
    { length: bundle.lastCounter - bundle.firstCounter + 1 },
    (_, index) => bundle.firstCounter + index,
  )
  const { policy } = device.state
  const entries = counters.flatMap((counter) => device.journal.entry(counter) ?? [])
  return {
    bytes: signed.value,
    bundleId: ulidText(bundle.bundleId),
    payments: counters
      .filter((counter) => !device.journal.entry(counter)?.voided)
      .map((counter) => localId(device.deviceId, counter)),
    expiresAtMs: Math.min(signedAtMs + policy.maxRelayHours * HOUR_MS, tooOldAfter(entries, policy)),
  }
}

/**
 * Takes the receipt that a carrier brought back: the bundle in flight is admitted. It is all that comes back, because the
 * notice of the carrier's push was made for what the carrier asked; the next sync brings a fresh one.
 *
 * @returns the payments that are acknowledged now; none when the receipt is known already
 * @throws OfflineError `answer_invalid` when it is not the edge's receipt for a bundle of this device
 */
export async function acceptRelayed(deps: SyncDeps, signed: Uint8Array): Promise<readonly Entry[]> {
  const { device, trust } = deps
  const keys = edgeKeys(deps)
  const bundle = device.outgoing
  const receipt = bundle && (await trust.openReceipt(keys, signed, bundle))
  if (receipt) {
    const proof = { proof: 'receipt', signed: toBase64url(signed) } as const
    return device.change(() => device.admit(receipt.seq, prevOf(receipt.digest), proof))
  }
  const known = await trust.openOwnReceipt(keys, signed)
  if (known && known.seq <= device.state.seq) return []
  throw new OfflineError('answer_invalid')
}
