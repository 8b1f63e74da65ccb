import type { BundleRow, DeviceRow } from '../../src/edge/store/index-message.ts'
import type { ConsentRequest } from '../device/consent.ts'

/** @see GivenPass, its key id in hex */
export interface ListedPass {
  readonly kid: string
  readonly untilMs: number
}

/**
 * What a Device Object tells the object of its country: its listing as it is now, as far as it changed in `(from, through]` of
 * the device's listing revs.
 */
export interface Listing {
  readonly from: number
  readonly through: number
  readonly device: DeviceRow
  readonly consentRequest: ConsentRequest | null
  /** Passes of the device that takers must not believe any more: all of them. */
  readonly denied: readonly ListedPass[]
  /** One that waits no more is let go. */
  readonly bundles: readonly BundleRow[]
}
