import fc from 'fast-check'
import type { Confirmation } from '../../src/protocol/confirmations.ts'
import { CODE_STATES } from '../../src/protocol/consent-code.ts'
import { ES256 } from '../../src/protocol/cose.ts'
import { DEBIT_STATUSES, type Debit } from '../../src/protocol/debits.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import { AMOUNT_MAX, COUNTER_MAX, DATE_MS_MAX, DEBITS_PER_NOTICE_MAX } from '../../src/protocol/limits.ts'
import { DEVICE_STATUSES, OLDER_KEY_FATES, type SettleMessage } from '../../src/protocol/messages.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Notice, Outcome } from '../../src/protocol/notice.ts'
import type { BundlePayload } from '../../src/protocol/payload.ts'
import { PAYMENT_METHODS, PAYMENT_TYPES, type PaymentEntry } from '../../src/protocol/payment.ts'
import { COUNTRIES } from '../../src/protocol/policy.ts'
import type { Receipt } from '../../src/protocol/receipt.ts'
import { BUNDLE_STATUSES, PAYMENT_STATUSES } from '../../src/protocol/states.ts'

/** Every value that the wire can carry, for properties. */
export const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const chars = (alphabet: string, max: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: max })
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

/** The same without the members that are undefined: absent and undefined are two things to `toEqual`'s strict sister. */
const compact = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T

export const deviceIds = (): fc.Arbitrary<DeviceId> =>
  chars('ABCxyz019._-', 64)
    .filter((id) => id !== '.' && id !== '..')
    .map(deviceId)
export const counters = () => fc.integer({ min: 1, max: COUNTER_MAX })
const uuids = fc.uuid()
const parties = fc.oneof(chars('ABC019+-./:~!', 64), uuids)
const seconds = fc.integer({ min: 0, max: 2 ** 40 })
const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed())

export function payloads(): fc.Arbitrary<BundlePayload> {
  const payment = fc.record({
    voided: fc.boolean(),
    type: fc.constantFrom(...PAYMENT_TYPES),
    method: fc.constantFrom(...PAYMENT_METHODS),
    amount: fc.maxSafeNat().map((amount) => amountMinor(Math.max(1, amount))),
    sender: parties,
    receiver: parties,
    seconds,
    merchantId: optional(parties),
    approval: optional(fc.uint8Array({ maxLength: 640 })),
    authorization: optional(fc.uint8Array({ maxLength: 1024 })),
    refundOf: fc.record({ deviceId: deviceIds(), counter: counters() }, { requiredKeys: ['counter'] }),
    meta: optional(fc.dictionary(words, fc.oneof(words, fc.maxSafeNat(), fc.boolean()), { maxKeys: 4 })),
  })
  return fc
    .record({
      first: fc.integer({ min: 1, max: COUNTER_MAX - 100 }),
      code: fc.constantFrom('XOF', 'EUR', 'XAF'),
      made: fc.array(payment, { minLength: 1, maxLength: 100 }),
      counted: optional(seconds),
    })
    .map(({ first, code, made, counted }) => {
      const entries = made.map(({ voided, seconds: at, refundOf, ...fields }, i): PaymentEntry => {
        const counter = first + i
        if (voided) return { counter, voided: true }
        const refund = fields.type === 'refund' ? { refundOf } : {}
        return compact({
          counter,
          ...fields,
          ...refund,
          currency: currency(code),
          initiatedAtMs: at * 1000,
        }) as PaymentEntry
      })
      const countedMs = counted === undefined ? undefined : counted * 1000
      return compact({ currency: currency(code), entries, countedMs }) as BundlePayload
    })
}

const outcomes = (): fc.Arbitrary<Outcome> =>
  fc
    .record({
      counter: counters(),
      status: fc.constantFrom(...PAYMENT_STATUSES),
      atMs: fc.maxSafeNat(),
      reason: optional(words),
      transferId: optional(fc.oneof(uuids, chars('abc019-', 64))),
    })
    .map((outcome) => compact(outcome) as Outcome)

export const receipts = (): fc.Arbitrary<Receipt> =>
  fc
    .record({
      deviceId: deviceIds(),
      bundleId: bytesOf(16),
      digest: bytesOf(32),
      seq: counters(),
      receivedAtMs: fc.maxSafeNat(),
      status: fc.constantFrom(...BUNDLE_STATUSES),
      range: fc.tuple(counters(), counters()).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
      exceptions: fc.array(
        fc
          .record({
            counter: counters(),
            decision: fc.constantFrom('review', 'quarantined', 'refused'),
            reason: optional(words),
          })
          .map((exception) => compact(exception) as Receipt['exceptions'][number]),
        { maxLength: 100 },
      ),
      country: fc.constantFrom(...COUNTRIES),
      policyVersion: fc.integer({ min: 1, max: 0x7fff_ffff }),
    })
    .map(({ range: [firstCounter, lastCounter], ...fields }) => ({ ...fields, firstCounter, lastCounter }))

export const debits = (): fc.Arbitrary<Debit> =>
  fc
    .record({
      takerId: deviceIds(),
      counter: counters(),
      requestId: optional(bytesOf(16)),
      type: fc.constantFrom(...PAYMENT_TYPES),
      amount: fc.integer({ min: 1, max: AMOUNT_MAX }).map(amountMinor),
      currency: fc.constant(currency('XOF')),
      receiver: chars('ABC019-', 64),
      initiatedAtMs: fc.nat(DATE_MS_MAX),
      status: fc.constantFrom(...DEBIT_STATUSES),
      statusAtMs: fc.nat(DATE_MS_MAX),
      reason: optional(words),
    })
    .map((debit) => compact(debit) as Debit)

export const notices = (): fc.Arbitrary<Notice> =>
  fc
    .record({
      deviceId: deviceIds(),
      serverTimeMs: fc.maxSafeNat(),
      outcomes: fc.array(outcomes(), { maxLength: 20 }),
      cursor: fc.maxSafeNat(),
      missing: optional(fc.array(counters(), { minLength: 1, maxLength: 200 })),
      device: optional(
        fc.record({
          ownerWallet: chars('ABC019', 64),
          nextCounter: counters(),
          nextSeq: counters(),
          prev: bytesOf(16),
          today: fc.record({
            day: fc.constantFrom('2026-02-28', '2026-11-22'),
            count: fc.nat(),
            value: fc.maxSafeNat(),
          }),
        }),
      ),
      next: optional(fc.record({ nextCounter: counters(), nextSeq: counters() })),
      answersNonce: optional(bytesOf(16)),
      lastReceipt: optional(receipts()),
      debits: optional(fc.array(debits(), { minLength: 1, maxLength: 5 })),
      paysUntilMs: optional(fc.integer({ min: 0, max: DATE_MS_MAX })),
    })
    .map((notice) => compact(notice) as Notice)

export const settleMessages = (): fc.Arbitrary<SettleMessage> =>
  fc.oneof(
    fc.record({
      kind: fc.constant('bundle' as const),
      deviceId: deviceIds(),
      bundle: fc.uint8Array({ maxLength: 300 }),
      receipt: fc.uint8Array({ maxLength: 300 }),
    }),
    fc.record({
      kind: fc.constant('device' as const),
      deviceId: deviceIds(),
      rev: fc.integer({ min: 1 }),
      alg: fc.constant(ES256),
      kid: bytesOf(8),
      publicKey: bytesOf(65),
      status: fc.constantFrom(...DEVICE_STATUSES),
      country: fc.constantFrom(...COUNTRIES),
      tenant: chars('abc019-', 64),
      ownerWallet: chars('ABC019-', 64),
      atMs: fc.maxSafeNat(),
      consents: fc.array(fc.record({ signed: bytesOf(200), withdrawnAtMs: fc.nat() }, { requiredKeys: ['signed'] }), {
        minLength: 1,
        maxLength: 8,
      }),
      code: fc.record(
        { no: counters(), askedAtMs: fc.maxSafeNat(), answer: bytesOf(300) },
        { requiredKeys: ['no', 'askedAtMs'] },
      ),
      olderKeys: fc.array(
        fc.record({
          alg: fc.constant(ES256),
          kid: bytesOf(8),
          publicKey: bytesOf(65),
          fate: fc.constantFrom(...OLDER_KEY_FATES),
        }),
        { minLength: 1, maxLength: 16 },
      ),
    }),
  ) as fc.Arbitrary<SettleMessage>

export function confirmations(): fc.Arbitrary<Confirmation> {
  const bundle = { deviceId: deviceIds(), bundleId: bytesOf(16), seq: counters() }
  const rev = fc.integer({ min: 1 })
  return fc.oneof(
    fc.record(
      {
        kind: fc.constant('device_recorded' as const),
        deviceId: deviceIds(),
        rev,
        wallet: fc.constantFrom('known' as const, 'unknown' as const),
        code: fc.record({ no: counters(), state: fc.constantFrom(...CODE_STATES), wrong: fc.nat(5) }),
        refused: fc.array(fc.record({ thumbprint: bytesOf(32), givenAtMs: fc.maxSafeNat() }), {
          minLength: 1,
          maxLength: 8,
        }),
      },
      { requiredKeys: ['kind', 'deviceId', 'rev'] },
    ),
    fc.record({
      kind: fc.constant('claims_open' as const),
      deviceId: bundle.deviceId,
      rev,
      claims: fc.constant([]),
      mandated: fc.constant([]),
      debits: fc.array(debits(), { maxLength: DEBITS_PER_NOTICE_MAX }),
    }),
    fc.record({ kind: fc.constant('bundle_recorded' as const), ...bundle }),
    fc.record({
      kind: fc.constant('bundle_settled' as const),
      ...bundle,
      rev,
      outcomes: fc.array(outcomes(), { maxLength: 10 }),
    }),
  )
}
