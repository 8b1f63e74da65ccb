import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex } from '../../src/protocol/bytes.ts'
import { encodeCbor, MalformedCbor } from '../../src/protocol/cbor.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { type BundlePayload, decodePayload, encodePayload } from '../../src/protocol/payload.ts'
import { isInvalid, type PaymentEntry } from '../../src/protocol/payment.ts'
import { payloads } from './arbitraries.ts'
import { badPayloads, badPayments, GOOD_PAYLOAD, withAmount, withExtra } from './bad-payloads.ts'

/** What is sealed (docs/protocol.md §4.1): one encoding for each payload, and nothing else decodes. */
it('what a device writes is read as it was written, and written again as the same bytes', () => {
  fc.assert(
    fc.property(payloads(), (payload) => {
      const encoded = encodePayload(payload)
      const decoded = decodePayload(encoded)
      expect(decoded).toEqual(payload)
      expect(encodePayload(decoded)).toEqual(encoded)
    }),
  )
})

it('bytes that decode are the bytes that their content encodes to', () => {
  fc.assert(
    fc.property(payloads(), fc.nat(), fc.integer({ min: 1, max: 255 }), (payload, at, xor) => {
      const bytes = Uint8Array.from(encodePayload(payload))
      const place = at % bytes.length
      bytes[place] = (bytes[place] ?? 0) ^ xor
      let decoded: BundlePayload
      try {
        decoded = decodePayload(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedCbor)
        return
      }
      if (decoded.entries.some(isInvalid)) return
      // Parties may stand in another order, or unused: that is the only freedom.
      expect(decodePayload(encodePayload(decoded))).toEqual(decoded)
    }),
    { numRuns: 500 },
  )
})

it('any bytes are refused as malformed, with no other error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => decodePayload(bytes)).toThrow(MalformedCbor)
    }),
    { numRuns: 1000 },
  )
})

describe('every bend of a good payload is refused', () => {
  it('the good one is good, and so is what the bends by hand start from', () => {
    expect(decodePayload(encodeCbor(GOOD_PAYLOAD)).entries).toHaveLength(1)
    expect(decodePayload(withAmount('1b001fffffffffffff')).entries).toMatchObject([{ amount: 2 ** 53 - 1 }])
    expect(decodePayload(withExtra('a20100024141')).entries).toMatchObject([
      { merchantId: 'W-A', approval: fromHex('41') },
    ])
    expect(decodePayload(withExtra('a104a1616101')).entries).toMatchObject([{ meta: { a: 1 } }])
  })

  it.each(badPayloads())('%s', (_, bytes) => {
    expect(() => decodePayload(bytes)).toThrow(MalformedCbor)
  })
})

describe('a payment whose values are not valid is told apart from the others', () => {
  it.each(badPayments())('%s', (_, bytes, fault) => {
    expect(decodePayload(bytes).entries).toEqual([{ counter: 1, fault }])
  })

  it('whose times and parties are as they were', () => {
    const [first, base, code, parties] = GOOD_PAYLOAD as [number, number, string, string[]]
    const made = [
      [1, 0, 0, 1, 0],
      [1, 7, 0, 1, 60],
      [1, 7, 0, 9, 30],
      [1, 8, 1, 0, -10],
    ]
    const { entries } = decodePayload(encodeCbor([first, base, code, parties, made]))
    expect(entries).toMatchObject([
      { counter: 1, fault: 'amount' },
      { counter: 2, amount: 7, sender: 'W-A', initiatedAtMs: (base + 60) * 1000 },
      { counter: 3, fault: 'receiver' },
      { counter: 4, amount: 8, sender: 'W-B', initiatedAtMs: (base + 80) * 1000 },
    ])
  })

  it('what cannot be told apart is named by its place', () => {
    const made = [[1, 1, 0, 1, 0], null, [1, 1, 0, 1, '0']]
    expect(() => decodePayload(encodeCbor(GOOD_PAYLOAD.with(4, made)))).toThrow('payments[2].elapsed')
    expect(() => decodePayload(encodeCbor(GOOD_PAYLOAD.with(4, [made[0] ?? null, 7])))).toThrow('payments[1]')
  })
})

describe('writing', () => {
  const entry = (counter: number): PaymentEntry => ({
    counter,
    type: 'p2p',
    method: 'wallet',
    amount: amountMinor(1),
    currency: currency('XOF'),
    sender: 'A',
    receiver: 'B',
    initiatedAtMs: 1_790_000_000_000,
  })
  it('refuses a hole, no payment, and more than a hundred', () => {
    const write = (entries: PaymentEntry[]) => () => encodePayload({ currency: currency('XOF'), entries })
    const many = (count: number) => Array.from({ length: count }, (_, i) => entry(i + 1))
    expect(write([entry(1), entry(3)])).toThrow(RangeError)
    expect(write([entry(2), entry(1)])).toThrow(RangeError)
    expect(write([])).toThrow(RangeError)
    expect(write(many(101))).toThrow(RangeError)
    expect(write(many(100))).not.toThrow()
  })

  it('fifty payments at a merchant take less than two kilobytes', () => {
    const entries = Array.from({ length: 50 }, (_, i) => ({ ...entry(i + 1), sender: `W-2217700${10_000 + i}` }))
    expect(encodePayload({ currency: currency('XOF'), entries }).length).toBeLessThan(2000)
  })

  it('a meta key that JavaScript treats as its own is only a key', () => {
    const meta = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>
    const payload = { currency: currency('XOF'), entries: [{ ...entry(1), meta }] }
    const [read] = decodePayload(encodePayload(payload)).entries
    const kept = (read as { meta: object }).meta
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype)
    expect(JSON.stringify(kept)).toBe('{"__proto__":"x","constructor":"y"}')
  })
})
