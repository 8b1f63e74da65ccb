import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, MalformedCbor } from '../../src/protocol/cbor.ts'
import { type Debit, debitFromCbor, debitToCbor } from '../../src/protocol/debits.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { decodeNotice, encodeNotice } from '../../src/protocol/notice.ts'
import { PAYMENT_STATUSES } from '../../src/protocol/states.ts'
import { debits } from './arbitraries.ts'

/** What became of what others took on the holder's word (docs/protocol.md §6.3, key 19). */
const DEBIT: Debit = {
  ...{ takerId: deviceId('POS-001'), counter: 42, requestId: new Uint8Array(16), type: 'merchant' },
  ...{ amount: amountMinor(2500), currency: currency('XOF'), receiver: 'W-SHOP', initiatedAtMs: 1000 },
  ...{ status: 'failed', statusAtMs: 2000, reason: 'insufficient_funds' },
}
const FIELDS = debitToCbor(DEBIT) as readonly CborValue[]

it('is read as it was written', () => {
  fc.assert(
    fc.property(debits(), (debit) => {
      expect(debitFromCbor(debitToCbor(debit))).toEqual(debit)
    }),
  )
})

it('stands in its places', () => {
  const rest = ['XOF', 'W-SHOP', 1000, PAYMENT_STATUSES.indexOf('failed'), 2000, 'insufficient_funds']
  expect(FIELDS).toEqual(['POS-001', 42, new Uint8Array(16), 1, 2500, ...rest])
})

describe('is refused', () => {
  it.each<[string, number, CborValue]>([
    ['the taker is no device', 0, '.'],
    ['the counter is 0', 1, 0],
    ['the request has 15 bytes', 2, new Uint8Array(15)],
    ['the request is a text', 2, 'x'.repeat(16)],
    ['there is no such type', 3, 6],
    ['the amount is 0', 4, 0],
    ['the currency is none', 5, 'xof'],
    ['the receiver is empty', 6, ''],
    ['the date is none that there is', 7, 8.64e15 + 1],
    ['it waits on the device', 8, PAYMENT_STATUSES.indexOf('pending_offline')],
    ['it was refused, and has used up no word', 8, PAYMENT_STATUSES.indexOf('refused')],
    ['it has no word yet', 8, PAYMENT_STATUSES.indexOf('claimed')],
    ['there is no such status', 8, PAYMENT_STATUSES.length],
    ['the time of the status is a text', 9, '2000'],
    ['the reason is empty', 10, ''],
    ['the reason is null', 10, null],
    ['the reason is longer than reasons are', 10, 'x'.repeat(65)],
  ])('when %s', (_, place, value) => {
    const bent = FIELDS.map((field, i) => (i === place ? value : field))
    expect(() => debitFromCbor(bent)).toThrow(MalformedCbor)
  })

  it('with a place too many, or too few', () => {
    for (const bent of [[...FIELDS, 1], FIELDS.slice(0, 9), {} as never, null]) {
      expect(() => debitFromCbor(bent)).toThrow(MalformedCbor)
    }
  })

  it('in a list of 51, or of none', () => {
    const notice = (count: number) => {
      const about = { deviceId: DEBIT.takerId, serverTimeMs: 1, outcomes: [], cursor: 1 }
      return decodeNotice(encodeNotice({ ...about, debits: new Array<Debit>(count).fill(DEBIT) }))
    }
    expect(notice(50).debits).toHaveLength(50)
    for (const count of [0, 51]) expect(() => notice(count)).toThrow(MalformedCbor)
  })
})
