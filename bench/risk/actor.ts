import type { PaymentType } from '../../src/protocol/payment.ts'

/** A payment as somebody means it, before a device records it. */
export interface Intent {
  readonly type: PaymentType
  /** F CFA. */
  readonly amount: number
  readonly sender: string
  readonly receiver: string
  /** When it really happens. */
  readonly atMs: number
  /** When its device says that it happened; as it happens otherwise. */
  readonly datedMs?: number
  /** The payer's own phone signed it. */
  readonly signed?: boolean
  /** The payer's wallet will be found empty. */
  readonly unfunded?: boolean
  /** What an attacker is after; everything else only prepares it. */
  readonly loot?: boolean
}

/** One bundle on its way. */
export interface Push {
  readonly arrivesAtMs: number
  readonly payments: readonly Intent[]
  /** When its device sealed it, by its own counted time. */
  readonly sealedMs: number
  readonly signedMs: number
  /** A clone's: how far ahead of the device's own places and numbers it goes on. */
  readonly ahead?: { readonly seqs: number; readonly counters: number }
}

/** A device, and the bundles that it sends in the order in which it makes them. */
export interface Actor {
  readonly id: string
  readonly ownerWallet: string
  readonly registeredAtMs: number
  /** What the figures of the report are grouped by: a trade, or a variant of an attack. */
  readonly group: string
  /** Undefined for honest people. */
  readonly attack?: string
  readonly pushes: readonly Push[]
}

/** A wallet that has only so much: what is taken beyond it cannot be posted. */
export interface Funds {
  readonly wallet: string
  readonly amount: number
}
