import { toHex } from './bytes.ts'
import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import {
  APPROVAL_BYTES_MAX,
  AUTHORIZATION_BYTES_MAX,
  COUNTER_MAX,
  META_BYTES_MAX,
  PASS_BYTES_MAX,
  PAYMENTS_PER_BUNDLE_MAX,
  SECONDS_MAX,
} from './limits.ts'
import { type AmountMinor, amountMinor, type Currency, isCurrency } from './money.ts'
import { parse } from './parse.ts'
import { partyFromCbor } from './party.ts'
import { passIn } from './pass.ts'
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
import { bytes, int, list, map, oneOf, positive, uint } from './shape.ts'
import { compactId } from './uuid.ts'

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
  const parties = new PartyTable()
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
    const sender = entry.pass === undefined ? parties.named(entry.sender) : parties.byPass(entry.pass)
    const fields: CborValue[] = [kind, entry.amount, sender, parties.named(entry.receiver), elapsed]
    const extra = encodeExtra(entry, (id) => parties.named(id))
    return extra.size > 0 ? [...fields, extra] : fields
  })
  const { list, passes } = parties
  const fields: CborValue[] = [first.counter, base, currency, list, payments]
  if (countedMs !== undefined) fields.push(Math.floor(countedMs / 1000) - base)
  else if (passes.length > 0) fields.push(null)
  if (passes.length > 0) fields.push(passes)
  return encodeCbor(fields)
}

/** Names and passes, each once. A party that has a pass is named by that pass's place, so its wallet is written once too. */
class PartyTable {
  readonly list: CborValue[] = []
  readonly passes: Uint8Array[] = []
  readonly #places = new Map<string, number>()

  named(id: string): number {
    return this.#place(id, () => compactId(id))
  }

  byPass(pass: Uint8Array): number {
    // No name has a space.
    return this.#place(` ${toHex(pass)}`, () => this.passes.push(pass) - 1)
  }

  #place(key: string, write: () => CborValue): number {
    const known = this.#places.get(key)
    if (known !== undefined) return known
    this.#places.set(key, this.list.length)
    return this.list.push(write()) - 1
  }
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
  const fields = list(decodeCbor(encoded), 'payload', 5, 7)
  const firstCounter = positive(fields[0], 'first_counter', COUNTER_MAX)
  const baseTime = uint(fields[1], 'base_time', SECONDS_MAX)
  const currency = fields[2]
  if (!isCurrency(currency)) throw new MalformedCbor('currency')
  const passes = decodePasses(fields)
  const parties = decodeParties(fields[3], passes)
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
  const hasClock = fields.length > 5 && fields[5] !== null
  if (fields.length === 6 && !hasClock) throw new MalformedCbor('clock')
  if (!hasClock) return { currency, entries }
  return { currency, entries, countedMs: 1000 * uint(baseTime + int(fields[5], 'clock'), 'clock', SECONDS_MAX) }
}

/** A wallet or a merchant, by its name; or a payer, by a pass. */
interface Party {
  readonly id: string
  readonly pass?: Uint8Array
}

function decodePasses(fields: readonly CborValue[]): readonly Uint8Array[] {
  if (fields.length < 7) return []
  const passes = list(fields[6], 'passes', 1, PAYMENTS_PER_BUNDLE_MAX)
  return passes.map((pass) => bytes(pass, 'passes', { max: PASS_BYTES_MAX }))
}

/** @returns undefined in the place of each that is no id, and no pass with a wallet: what names it is invalid */
function decodeParties(value: CborValue | undefined, passes: readonly Uint8Array[]): readonly (Party | undefined)[] {
  const fields = list(value, 'parties', 0, 3 * PAYMENTS_PER_BUNDLE_MAX)
  const byPass = fields.filter((field) => typeof field === 'number' && field >= 0 && field < passes.length)
  // Each pass is named once and in its order: there is one way to write a bundle.
  if (byPass.length !== passes.length || byPass.some((place, i) => place !== i)) throw new MalformedCbor('parties')
  const parties = fields.map((field): Party | undefined => {
    if (typeof field !== 'number') return idOf(field)
    const pass = passes[field]
    const wallet = passIn(pass)?.wallet
    return pass === undefined || wallet === undefined ? undefined : { id: wallet, pass }
  })
  const ids = parties.flatMap((party) => (party !== undefined && party.pass === undefined ? [party.id] : []))
  const isRepeated = new Set(ids).size !== ids.length || new Set(passes.map(toHex)).size !== passes.length
  if (isRepeated) throw new MalformedCbor('parties')
  return parties
}

function idOf(field: CborValue): Party | undefined {
  const read = parse(() => partyFromCbor(field, 'party'))
  return read.ok ? { id: read.value } : undefined
}

interface PaymentContext {
  readonly counter: number
  readonly currency: Currency
  readonly parties: readonly (Party | undefined)[]
  readonly initiatedAtMs: number
}

function decodePayment(fields: readonly CborValue[], context: PaymentContext): Payment {
  const { counter, currency, parties, initiatedAtMs } = context
  const party = (at: CborValue | undefined, what: string): Party => {
    const party = parties[uint(at, what)]
    if (party === undefined) throw new MalformedCbor(what)
    return party
  }
  const named = (at: CborValue | undefined, what: string): string => {
    const { id, pass } = party(at, what)
    if (pass !== undefined) throw new MalformedCbor(what)
    return id
  }
  const sender = party(fields[2], 'sender')
  const extra = fields.length === 6 ? decodeExtra(fields[5], named) : {}
  if (sender.pass !== undefined && extra.authorization === undefined) throw new MalformedCbor('authorization')
  const kind = uint(fields[0], 'kind', KINDS_PER_METHOD * PAYMENT_METHODS.length - 1)
  const type = oneOf(kind % KINDS_PER_METHOD, 'type', PAYMENT_TYPES)
  // A refund of nothing, and a payment that says it gives back another one, are neither.
  if ((type === 'refund') !== (extra.refundOf !== undefined)) throw new MalformedCbor('refund_of')
  return {
    counter,
    type,
    method: oneOf(Math.floor(kind / KINDS_PER_METHOD), 'method', PAYMENT_METHODS),
    amount: amount(fields[1]),
    currency,
    sender: sender.id,
    receiver: named(fields[3], 'receiver'),
    initiatedAtMs,
    ...(sender.pass !== undefined && { pass: sender.pass }),
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
