import type { KeySet } from '../protocol/keyset.ts'
import type { RecipientKey, Signer } from './suite.ts'

/** Where the edge's own keys live: what opens bundles, and what signs receipts and notices. */
export interface KeyProvider {
  /** Public keys with their states, for devices and for the reconciler. */
  keySet(): Promise<KeySet>

  /** @returns the key that opens what was sealed to `kid`, or undefined when it is unknown or retired */
  recipient(kid: Uint8Array): Promise<RecipientKey | undefined>

  /**
   * The active receipt key.
   *
   * @param keysVersion of the keys that the reader has: where it cannot know the active key, the newest one that it knows
   * and still trusts signs, so that it believes what tells it of the active one
   */
  receiptSigner(keysVersion?: number): Promise<{ readonly kid: Uint8Array; readonly signer: Signer }>
}

/** The keys cannot be had right now (or were never set up): answer "retry", change nothing. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable'
}
