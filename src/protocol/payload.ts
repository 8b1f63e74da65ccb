import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { isParty } from './ids.ts'
import {
  APPROVAL_BYTES_MAX,
  AUTHORIZATION_BYTES_MAX,
  COUNTER_MAX,
  META_BYTES_MAX,
  PARTY_CHARS_MAX,
  PAYMENTS_PER_BUNDLE_MAX,
  SECONDS_MAX,
} from './limits.ts'
import { type AmountMinor, amountMinor, type Currency, isCurrency } from './money.ts'
import { parse } from './parse.ts'
import {
  isInvalid,
  isPayment,
  isVoided,
  type Meta,
  PAYMENT_METHODS,
  PAYMENT_TYPES,
  type Payment,
  type PaymentEntry,
} from './payment.ts'
import { decodePaymentName, encodePaymentName } from './refunds.ts'
import { bytes, int, list, map, oneOf, positive, text, uint } from './shape.ts'
import { compactId, expandId } from './uuid.ts'

/** What a bundle seals (docs/protocol.md §4.1): consecutive payments in one currency, each name once. */
export interface BundlePayload {
  readonly currency: Currency
  /** 1–100 entries whose counters follow each other without holes. */
  readonly entries: readonly PaymentEntry[]
  /**
   * The time at sealing as the device counted it: the server's last signed time and what a monotonic clock measured since,
   * in whole seconds as milliseconds. Evidence of a clock that was turned back. Absent after a restart.
   */
  readonly countedMs?: number
}

const KINDS_PER_METHOD = 8
const MERCHANT_ID = 1
const APPROVAL = 2
const AUTHORIZATION = 3
const META = 4
const REFUND_OF = 5

/** @throws RangeError when the entries do not follow each other; everything else was checked when they were taken. */
export function encodePayload(payload: BundlePayload): Uint8Array {
  const { entries, currency, countedMs } = payload
  const first = entries[0]
  if (first === undefined || entries.length > PAYMENTS_PER_BUNDLE_MAX) throw new RangeError('1 to 100 payments')
  const parties = new Map<string, number>()
  const party = (id: string): number => {
    const index = parties.get(id) ?? parties.size
    parties.set(id, index)
    return index
  }
  const firstPayment = entries.find(isPayment)
  const base = firstPayment === undefined ? 0 : seconds(firstPayment)
  let before = base
  const payments = entries.map((entry, index): CborValue => {
    if (entry.counter !== first.counter + index) throw new RangeError('counters have a hole')
    if (isVoided(entry)) return null
    if (isInvalid(entry)) throw new RangeError('an invalid payment is not written')
    const elapsed = seconds(entry) - before
    before = seconds(entry)
    const kind = PAYMENT_TYPES.indexOf(entry.type) + KINDS_PER_METHOD * PAYMENT_METHODS.indexOf(entry.method)
    const extra = encodeExtra(entry, party)
    const fields: CborValue[] = [kind, entry.amount, party(entry.sender), party(entry.receiver), elapsed]
    return extra.size > 0 ? [...fields, extra] : fields
  })
  const fields: CborValue[] = [first.counter, base, currency, [...parties.keys()].map(compactId), payments]
  if (countedMs !== undefined) fields.push(Math.floor(countedMs / 1000) - base)
  return encodeCbor(fields)
}

const seconds = (payment: Payment): number => Math.floor(payment.initiatedAtMs / 1000)

function encodeExtra(payment: Payment, party: (id: string) => number): CborMap {
  const extra = new Map<number, CborValue>()
  if (payment.merchantId !== undefined) extra.set(MERCHANT_ID, party(payment.merchantId))
  if (payment.approval !== undefined) extra.set(APPROVAL, payment.approval)
  if (payment.authorization !== undefined) extra.set(AUTHORIZATION, payment.authorization)
  if (payment.meta !== undefined) extra.set(META, new Map(Object.entries(payment.meta)))
  if (payment.refundOf !== undefined) extra.set(REFUND_OF, encodePaymentName(payment.refundOf))
  return extra
}

/**
 * A payment whose values are not valid is told apart from the others as long as its time is known, which theirs begin at.
 * Everything else that is wrong concerns all of them.
 *
 * @throws MalformedCbor for everything that is not a payload, naming the field and the entry: `payments[3].elapsed`
 */
export function decodePayload(encoded: Uint8Array): BundlePayload {
  const fields = list(decodeCbor(encoded), 'payload', 5, 6)
  const firstCounter = positive(fields[0], 'first_counter', COUNTER_MAX)
  const baseTime = uint(fields[1], 'base_time', SECONDS_MAX)
  const currency = fields[2]
  if (!isCurrency(currency)) throw new MalformedCbor('currency')
  const parties = decodeParties(fields[3])
  const values = list(fields[4], 'payments', 1, PAYMENTS_PER_BUNDLE_MAX)
  uint(firstCounter + values.length - 1, 'counter', COUNTER_MAX)
  let before: number | undefined
  const entries = values.map((value, index): PaymentEntry => {
    const counter = firstCounter + index
    if (value === null) return { counter, voided: true }
    const place = `payments[${index}]`
    const read = list(value, place, 5, 6)
    const time = uint((before ?? baseTime) + int(read[4], `${place}.elapsed`), `${place}.elapsed`, SECONDS_MAX)
    // base_time is the first payment's own time; another value would be a second way to write the same bundle.
    if (before === undefined && time !== baseTime) throw new MalformedCbor('base_time')
    before = time
    const payment = parse(() => decodePayment(read, { counter, currency, parties, initiatedAtMs: 1000 * time }))
    return payment.ok ? payment.value : { counter, fault: payment.error.message }
  })
  if (before === undefined && baseTime !== 0) throw new MalformedCbor('base_time')
  if (fields.length === 5) return { currency, entries }
  return { currency, entries, countedMs: 1000 * uint(baseTime + int(fields[5], 'clock'), 'clock', SECONDS_MAX) }
}

/** @returns undefined in the place of each that is no id: what names it is invalid */
function decodeParties(value: CborValue | undefined): readonly (string | undefined)[] {
  const parties = list(value, 'parties', 0, 3 * PAYMENTS_PER_BUNDLE_MAX).map((id) => {
    const read = parse(() => decodeParty(id))
    return read.ok ? read.value : undefined
  })
  const known = parties.filter((party) => party !== undefined)
  if (new Set(known).size !== known.length) throw new MalformedCbor('parties')
  return parties
}

function decodeParty(id: CborValue): string {
  const party = expandId(typeof id === 'string' ? text(id, 'party', PARTY_CHARS_MAX) : bytes(id, 'party', 16))
  if (!isParty(party) || (typeof id === 'string' && typeof compactId(id) !== 'string')) throw new MalformedCbor('party')
  return party
}

interface PaymentContext {
  readonly counter: number
  readonly currency: Currency
  readonly parties: readonly (string | undefined)[]
  readonly initiatedAtMs: number
}

function decodePayment(fields: readonly CborValue[], context: PaymentContext): Payment {
  const { counter, currency, parties, initiatedAtMs } = context
  const party = (at: CborValue | undefined, what: string): string => {
    const id = parties[uint(at, what)]
    if (id === undefined) throw new MalformedCbor(what)
    return id
  }
  const kind = uint(fields[0], 'kind', KINDS_PER_METHOD * PAYMENT_METHODS.length - 1)
  const type = oneOf(kind % KINDS_PER_METHOD, 'type', PAYMENT_TYPES)
  const extra = fields.length === 6 ? decodeExtra(fields[5], party) : {}
  // A refund of nothing, and a payment that says it gives back another one, are neither.
  if ((type === 'refund') !== (extra.refundOf !== undefined)) throw new MalformedCbor('refund_of')
  return {
    counter,
    type,
    method: oneOf(Math.floor(kind / KINDS_PER_METHOD), 'method', PAYMENT_METHODS),
    amount: amount(fields[1]),
    currency,
    sender: party(fields[2], 'sender'),
    receiver: party(fields[3], 'receiver'),
    initiatedAtMs,
    ...extra,
  }
}

const amount = (value: CborValue | undefined): AmountMinor => amountMinor(positive(value, 'amount'))

function decodeExtra(
  value: CborValue | undefined,
  party: (at: CborValue | undefined, what: string) => string,
): Pick<Payment, 'merchantId' | 'approval' | 'authorization' | 'meta' | 'refundOf'> {
  const extra = map(value, 'extra', [], [MERCHANT_ID, APPROVAL, AUTHORIZATION, META, REFUND_OF])
  if (extra.size === 0) throw new MalformedCbor('extra')
  return {
    ...(extra.has(MERCHANT_ID) && { merchantId: party(extra.get(MERCHANT_ID), 'merchant_id') }),
    ...(extra.has(APPROVAL) && { approval: bytes(extra.get(APPROVAL), 'approval', { max: APPROVAL_BYTES_MAX }) }),
    ...(extra.has(AUTHORIZATION) && {
      authorization: bytes(extra.get(AUTHORIZATION), 'authorization', { max: AUTHORIZATION_BYTES_MAX }),
    }),
    ...(extra.has(META) && { meta: decodeMeta(extra.get(META)) }),
    ...(extra.has(REFUND_OF) && { refundOf: decodePaymentName(extra.get(REFUND_OF)) }),
  }
}

function decodeMeta(value: CborValue | undefined): Meta {
  if (!(value instanceof Map) || encodeCbor(value).length > META_BYTES_MAX) throw new MalformedCbor('meta')
  const meta = new Map<string, string | number | boolean>()
  for (const [key, inner] of value) {
    const legal = typeof inner === 'string' || typeof inner === 'boolean' || (typeof inner === 'number' && inner >= 0)
    if (typeof key !== 'string' || !legal) throw new MalformedCbor('meta')
    meta.set(key, inner)
  }
  // Object.fromEntries defines own properties, so a key named __proto__ stays a key.
  return Object.fromEntries(meta)
}
