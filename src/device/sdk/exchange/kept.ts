import type { Meta } from '../../../protocol/payment.ts'
import type { Records } from '../store/records.ts'
import { TwoSlots } from '../store/two-slots.ts'

/**
 * What a device remembers of the exchange at the counter, each list in one value that a cut-off write does not touch: the
 * requests that it shows as a till, and what it has signed as a payer's phone. Callers hold the device's lock.
 */
export class Kept<T> {
  readonly #slots: TwoSlots<readonly T[]>
  readonly #max: number

  constructor(records: Records, key: string, max: number) {
    this.#slots = new TwoSlots(records, key)
    this.#max = max
  }

  /** Oldest first; read from the storage, because another context may have written. */
  async all(): Promise<readonly T[]> {
    await this.#slots.load()
    return this.#slots.value ?? []
  }

  /** Keeps the newest of them. */
  write(list: readonly T[]): Promise<void> {
    return this.#slots.write(list.slice(-this.#max))
  }
}

/** A request that a till shows, and what the app said about the payment besides. */
export interface KeptRequest {
  /** Encoded, base64url. */
  readonly request: string
  readonly madeAtMs: number
  readonly merchantId?: string
  readonly meta?: Meta
}

/** What a payer's phone has signed, or is about to sign. */
export interface KeptAuthorization {
  /** Encoded, base64url. */
  readonly request: string
  readonly signedAtMs: number
  /** Of the pass that was shown with it, base64url. */
  readonly pass: string
  /** What of an allowance it uses up. */
  readonly covered?: { readonly allowanceNo: number; readonly n: number; readonly spent: number }
  /** Left out until it is signed: it may have been signed all the same, and uses up its place. */
  readonly authorization?: string
}

/** An allowance that this phone has asked for. */
export interface KeptAllowance {
  /** Its number: 1, 2, 3 … */
  readonly no: number
  readonly ceiling: number
  /** The signed order to open, base64url; whether the edge has it. */
  readonly order: string
  readonly isSent: boolean
  /** What was signed under it, once nothing more is; and the signed order to close, base64url. */
  readonly closing?: { readonly n: number; readonly spent: number }
  readonly closingOrder?: string
}

/** Requests that wait for an answer: a queue of customers, and those who walked away. */
const REQUESTS_MAX = 50
/** Some weeks of a household: more than any pass is good for. */
const AUTHORIZATIONS_MAX = 200
/** The newest is the one that counts. */
const ALLOWANCES_MAX = 4

export const keptRequests = (records: Records): Kept<KeptRequest> => new Kept(records, 'requests', REQUESTS_MAX)
export const keptAuthorizations = (records: Records): Kept<KeptAuthorization> =>
  new Kept(records, 'authorizations', AUTHORIZATIONS_MAX)
export const keptAllowances = (records: Records): Kept<KeptAllowance> => new Kept(records, 'allowances', ALLOWANCES_MAX)
