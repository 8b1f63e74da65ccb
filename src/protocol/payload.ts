import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { isParty } from './ids.ts'
import {
  APPROVAL_CHARS_MAX,
  AUTHORIZATION_BYTES_MAX,
  COUNTER_MAX,
  META_BYTES_MAX,
  PARTY_CHARS_MAX,
  PAYMENTS_PER_BUNDLE_MAX,
} from './limits.ts'
import { type AmountMinor, amountMinor, type Currency, isCurrency } from './money.ts'
import { isVoided, type Meta, PAYMENT_METHODS, PAYMENT_TYPES, type Payment, type PaymentEntry } from './payment.ts'
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
  const baseTime = entries.find((entry) => !isVoided(entry))
  let before = baseTime === undefined || isVoided(baseTime) ? 0 : seconds(baseTime)
  const base = before
  const payments = entries.map((entry, index): CborValue => {
    if (entry.counter !== first.counter + index) throw new RangeError('counters have a hole')
    if (isVoided(entry)) return null
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
  return extra
}

/** @throws MalformedCbor for everything that is not a valid payload. */
export function decodePayload(encoded: Uint8Array): BundlePayload {
  const fields = list(decodeCbor(encoded), 'payload', 5, 6)
  const firstCounter = positive(fields[0], 'first_counter', COUNTER_MAX)
  const baseTime = uint(fields[1], 'base_time', 2 ** 40)
  const currency = fields[2]
  if (!isCurrency(currency)) throw new MalformedCbor('currency')
  const parties = decodeParties(fields[3])
  const values = list(fields[4], 'payments', 1, PAYMENTS_PER_BUNDLE_MAX)
  uint(firstCounter + values.length - 1, 'counter', COUNTER_MAX)
  let before: number | undefined
  const entries = values.map((value, index): PaymentEntry => {
    const counter = firstCounter + index
    if (value === null) return { counter, voided: true }
    const at = before === undefined ? baseTime : before
    const payment = decodePayment(value, { counter, currency, parties, before: at })
    // base_time is the first payment's own time; another value would be a second way to write the same bundle.
    if (before === undefined && payment.initiatedAtMs !== baseTime * 1000) throw new MalformedCbor('base_time')
    before = payment.initiatedAtMs / 1000
    return payment
  })
  if (fields.length === 5) return { currency, entries }
  return { currency, entries, countedMs: 1000 * uint(baseTime + int(fields[5], 'clock'), 'clock', 2 ** 40) }
}

function decodeParties(value: CborValue | undefined): readonly string[] {
  const parties = list(value, 'parties', 0, 3 * PAYMENTS_PER_BUNDLE_MAX).map((id) => {
    const party = expandId(typeof id === 'string' ? text(id, 'party', PARTY_CHARS_MAX) : bytes(id, 'party', 16))
    if (!isParty(party) || (typeof id === 'string' && typeof compactId(id) !== 'string'))
      throw new MalformedCbor('party')
    return party
  })
  if (new Set(parties).size !== parties.length) throw new MalformedCbor('parties')
  return parties
}

interface PaymentContext {
  counter: number
  currency: Currency
  parties: readonly string[]
  before: number
}

function decodePayment(value: CborValue, context: PaymentContext): Payment {
  const fields = list(value, 'payment', 5, 6)
  const party = (at: CborValue | undefined, what: string): string => {
    const id = context.parties[uint(at, what)]
    if (id === undefined) throw new MalformedCbor(what)
    return id
  }
  const kind = uint(fields[0], 'kind', KINDS_PER_METHOD * PAYMENT_METHODS.length - 1)
  return {
    counter: context.counter,
    type: oneOf(kind % KINDS_PER_METHOD, 'type', PAYMENT_TYPES),
    method: oneOf(Math.floor(kind / KINDS_PER_METHOD), 'method', PAYMENT_METHODS),
    amount: amount(fields[1]),
    currency: context.currency,
    sender: party(fields[2], 'sender'),
    receiver: party(fields[3], 'receiver'),
    initiatedAtMs: 1000 * uint(context.before + int(fields[4], 'elapsed'), 'initiated_at', 2 ** 40),
    ...(fields.length === 6 ? decodeExtra(fields[5], party) : {}),
  }
}

const amount = (value: CborValue | undefined): AmountMinor => amountMinor(positive(value, 'amount'))

function decodeExtra(
  value: CborValue | undefined,
  party: (at: CborValue | undefined, what: string) => string,
): Pick<Payment, 'merchantId' | 'approval' | 'authorization' | 'meta'> {
  const extra = map(value, 'extra', [], [MERCHANT_ID, APPROVAL, AUTHORIZATION, META])
  if (extra.size === 0) throw new MalformedCbor('extra')
  return {
    ...(extra.has(MERCHANT_ID) && { merchantId: party(extra.get(MERCHANT_ID), 'merchant_id') }),
    ...(extra.has(APPROVAL) && { approval: text(extra.get(APPROVAL), 'approval', APPROVAL_CHARS_MAX) }),
    ...(extra.has(AUTHORIZATION) && {
      authorization: bytes(extra.get(AUTHORIZATION), 'authorization', { max: AUTHORIZATION_BYTES_MAX }),
    }),
    ...(extra.has(META) && { meta: decodeMeta(extra.get(META)) }),
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
