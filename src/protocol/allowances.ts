import type { Covered } from './authorization.ts'
import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { parseSign1, type Sign1 } from './cose.ts'
import { ALLOWANCE_NO_MAX, AMOUNT_MAX, COUNTER_MAX, DATE_MS_MAX, PARTY_CHARS_MAX } from './limits.ts'
import type { Currency } from './money.ts'
import { type PayerHeader, readPayerHeader } from './payer-header.ts'
import { currencyCode, list, oneOf, positive, text, uint } from './shape.ts'

/**
 * An allowance is money that the ledger holds for a paying device, so that a taker can be told `covered` with no network. Its device asks
 * for it and closes it, each by a signed order; what it closes with is a statement of all that it has signed under it.
 */
export type AllowanceOrder = OpenOrder | CloseOrder

interface OpenOrder {
  readonly choice: 'open'
  readonly wallet: string
  /** The device's own number of it: 1, 2, 3 … */
  readonly no: number
  readonly currency: Currency
  /** All that is held, minor units. */
  readonly ceiling: number
}

interface CloseOrder {
  readonly choice: 'close'
  readonly wallet: string
  readonly no: number
  /** The number of the last authorization that was signed under it, and the sum of all of them; 0 and 0 when there was none. */
  readonly n: number
  readonly spent: number
}

export interface SignedAllowanceOrder extends Sign1 {
  /** Who signed it. */
  readonly claims: PayerHeader
  readonly order: AllowanceOrder
}

const CHOICES = ['open', 'close'] as const

/** The payload of the COSE_Sign1 with `external_aad` `molam-allowance-order-v1` (docs/protocol.md §5.6). */
export function encodeAllowanceOrder(order: AllowanceOrder): Uint8Array {
  const { choice, wallet, no } = order
  const said = order.choice === 'open' ? [order.currency, order.ceiling] : [order.n, order.spent]
  return encodeCbor([CHOICES.indexOf(choice), wallet, no, ...said])
}

/** Nothing of it is verified. @throws MalformedCbor, also for a statement that cannot be true of any phone */
export function parseAllowanceOrder(encoded: Uint8Array): SignedAllowanceOrder {
  const sign1 = parseSign1(encoded)
  return { ...sign1, claims: readPayerHeader(sign1.header, 'allowance_order'), order: orderOf(sign1.payload) }
}

function orderOf(payload: Uint8Array): AllowanceOrder {
  const [kind, wallet, no, first, second] = list(decodeCbor(payload), 'allowance_order', 5, 5)
  const choice = oneOf(kind, 'allowance_order.choice', CHOICES)
  const about = {
    wallet: text(wallet, 'allowance_order.wallet', PARTY_CHARS_MAX),
    no: positive(no, 'allowance_order.no', ALLOWANCE_NO_MAX),
  }
  if (choice === 'open') {
    const ceiling = positive(second, 'allowance_order.ceiling', AMOUNT_MAX)
    return { choice, ...about, currency: currencyCode(first, 'allowance_order.currency'), ceiling }
  }
  const n = uint(first, 'allowance_order.n', COUNTER_MAX)
  const spent = uint(second, 'allowance_order.spent', AMOUNT_MAX)
  // Each that is signed is of one unit at least.
  if (spent < n || (n === 0 && spent > 0)) throw new MalformedCbor('allowance_order.spent')
  return { choice, ...about, n, spent }
}

/** How a phone counts what it signs under an allowance. */
export interface Spending extends Covered {
  readonly allowanceNo: number
  /** The phone was stopped when the payment came: it has what is held for it, and nothing else of the wallet. */
  readonly heldOnly?: true
}

/**
 * How an allowance is, as its device is told. `requested`: the book has not answered yet. `refused`: nothing is held, and why stands beside
 * it. `closing`: what the device has signed is still under way.
 */
export const ALLOWANCE_STATES = ['requested', 'open', 'closing', 'closed', 'expired', 'refused'] as const
export type AllowanceState = (typeof ALLOWANCE_STATES)[number]

export interface AllowanceStanding {
  readonly no: number
  /** Minor units. */
  readonly ceiling: number
  readonly state: AllowanceState
  /** The last moment at which something may be signed under it; not there before it is opened. */
  readonly untilMs?: number
  /** Why it was refused. */
  readonly reason?: string
}

/** Whether an allowance that is so stands in the way of another one. */
export const isLive = ({ state }: Pick<AllowanceStanding, 'state'>): boolean =>
  state === 'requested' || state === 'open' || state === 'closing'

/** `[no, ceiling, state, until / null, ? reason]` */
export function allowanceToCbor({ no, ceiling, state, untilMs, reason }: AllowanceStanding): CborValue {
  return [no, ceiling, ALLOWANCE_STATES.indexOf(state), untilMs ?? null, ...(reason === undefined ? [] : [reason])]
}

/** @throws MalformedCbor */
export function allowanceFromCbor(value: CborValue | undefined): AllowanceStanding {
  const [no, ceiling, state, until, reason] = list(value, 'allowance', 4, 5)
  return {
    no: positive(no, 'allowance.no', ALLOWANCE_NO_MAX),
    ceiling: positive(ceiling, 'allowance.ceiling', AMOUNT_MAX),
    state: oneOf(state, 'allowance.state', ALLOWANCE_STATES),
    ...(until !== null && { untilMs: uint(until, 'allowance.until', DATE_MS_MAX) }),
    ...(reason !== undefined && { reason: text(reason, 'allowance.reason', 64) }),
  }
}
