import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BundleHeader,
  encodeBundleHeader,
  encodeSealed,
  parseBundle,
  parseSealed,
} from '../../src/protocol/bundle.ts'
import { decodeCbor, encodeCbor, MalformedCbor } from '../../src/protocol/cbor.ts'
import { type Confirmation, encodeConfirmations } from '../../src/protocol/confirmations.ts'
import { encodeSign1, parseSign1 } from '../../src/protocol/cose.ts'
import { decodeNotice, decodePushResponse, encodeNotice, encodePushResponse } from '../../src/protocol/notice.ts'
import { decisionFor, decodeReceipt, encodeReceipt } from '../../src/protocol/receipt.ts'
import { encodeSettleMessage, parseSettleMessage } from '../../src/protocol/settle-codec.ts'
import { readCall } from '../kit/confirmations.ts'
import { bytesOf, confirmations, counters, deviceIds, notices, receipts, settleMessages } from './arbitraries.ts'

/** Everything on the wire is read as it was written, has one form, and bends into nothing but a refusal. */
function roundTrips<T>(values: fc.Arbitrary<T>, encode: (value: T) => Uint8Array, decode: (bytes: Uint8Array) => T) {
  fc.assert(
    fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, xor) => {
      const encoded = Uint8Array.from(encode(value))
      expect(decode(encoded)).toEqual(value)
      for (const bad of [encoded.slice(0, -1), Uint8Array.of(...encoded, 0)])
        expect(() => decode(bad)).toThrow(MalformedCbor)
      const place = at % encoded.length
      const altered = encoded.with(place, (encoded[place] ?? 0) ^ xor)
      let read: T
      try {
        read = decode(altered)
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedCbor)
        return
      }
      // Still well-formed: then it says something else, and no two texts say the same.
      expect(encode(read)).toEqual(altered)
      expect(read).not.toEqual(value)
    }),
  )
}

/** In the order of a call: device by device, as the ids are encoded. */
const callsOf = (all: fc.Arbitrary<Confirmation[]>) => all.map((one) => [...readCall(encodeConfirmations(one))])

const headers = (): fc.Arbitrary<BundleHeader> =>
  fc.record({
    alg: fc.constantFrom(-7, -8, -37, -257),
    kid: bytesOf(8),
    deviceId: deviceIds(),
    signedAtMs: fc.integer({ min: 0, max: 2 ** 40 }).map((s) => s * 1000),
    bundleId: bytesOf(16),
    seq: counters(),
    prev: bytesOf(16),
    nonce: bytesOf(16),
    relay: fc.boolean(),
  }) as fc.Arbitrary<BundleHeader>

describe('round trips', () => {
  it('receipts', () => roundTrips(receipts(), encodeReceipt, decodeReceipt))
  it('notices', () => roundTrips(notices(), encodeNotice, decodeNotice))
  it('settle messages', () => roundTrips(settleMessages(), encodeSettleMessage, parseSettleMessage))
  it('confirmations', () =>
    roundTrips(callsOf(fc.array(confirmations(), { minLength: 1, maxLength: 5 })), encodeConfirmations, (bytes) => [
      ...readCall(bytes),
    ]))
  it('push responses', () =>
    roundTrips(
      fc.record({ receipt: fc.uint8Array({ maxLength: 300 }), notice: fc.uint8Array({ maxLength: 300 }) }),
      ({ receipt, notice }) => encodePushResponse(receipt, notice),
      decodePushResponse,
    ))
  it('sealed parts', () =>
    roundTrips(
      fc.record({
        recipientKid: bytesOf(8),
        encapsulatedKey: bytesOf(65),
        ciphertext: fc.uint8Array({ maxLength: 300 }),
      }),
      encodeSealed,
      parseSealed,
    ))
  it('bundle headers', () => {
    const wrap = (header: BundleHeader) =>
      encodeSign1({
        protectedBytes: encodeBundleHeader(header),
        payload: Uint8Array.of(1),
        signature: Uint8Array.of(2),
      })
    fc.assert(
      fc.property(headers(), (header) => {
        expect(parseBundle(wrap(header)).claims).toEqual(header)
      }),
    )
  })
})

it('a receipt decides each of its payments', () => {
  fc.assert(
    fc.property(receipts(), (receipt) => {
      for (const exception of receipt.exceptions) {
        expect(decisionFor(receipt, exception.counter).decision).not.toBe('accepted')
      }
      const listed = new Set(receipt.exceptions.map(({ counter }) => counter))
      if (!listed.has(receipt.firstCounter))
        expect(decisionFor(receipt, receipt.firstCounter).decision).toBe('accepted')
    }),
  )
})

describe('limits', () => {
  it('501 confirmations, 501 outcomes and 101 exceptions are refused', () => {
    const deviceId = fc.sample(deviceIds(), 1)[0] as never
    const recorded = { kind: 'device_recorded', deviceId, rev: 1 } as const
    expect(() => readCall(encodeConfirmations(new Array(501).fill(recorded)))).toThrow(MalformedCbor)
    expect(readCall(encodeConfirmations(new Array(500).fill(recorded)))).toHaveLength(500)
    expect(() => readCall(encodeConfirmations([]))).toThrow(MalformedCbor)
    const outcome = { counter: 1, status: 'succeeded', atMs: 1 } as const
    const notice = (count: number) => ({
      deviceId,
      serverTimeMs: 1,
      outcomes: new Array(count).fill(outcome),
      cursor: 1,
    })
    expect(decodeNotice(encodeNotice(notice(500))).outcomes).toHaveLength(500)
    expect(() => decodeNotice(encodeNotice(notice(501)))).toThrow(MalformedCbor)
  })

  it('a receipt whose counters run backwards, or that lists an accepted payment, is refused', () => {
    const [receipt] = fc.sample(receipts(), 1)
    if (receipt === undefined) throw new Error('no sample')
    expect(() => decodeReceipt(encodeReceipt({ ...receipt, firstCounter: 2, lastCounter: 1 }))).toThrow(MalformedCbor)
    const accepted = [{ counter: 1, decision: 'accepted' as never }]
    expect(() => decodeReceipt(encodeReceipt({ ...receipt, exceptions: accepted }))).toThrow(MalformedCbor)
  })

  it('a receipt under a policy version that the book cannot keep, or of a country that is not served, is refused', () => {
    const [receipt] = fc.sample(receipts(), 1)
    if (receipt === undefined) throw new Error('no sample')
    for (const wrong of [{ policyVersion: 0 }, { policyVersion: 2 ** 31 }, { country: 'FR' as never }]) {
      expect(() => decodeReceipt(encodeReceipt({ ...receipt, ...wrong })), JSON.stringify(wrong)).toThrow(MalformedCbor)
    }
  })

  it('a nested value of 8 is read, one of 9 is not', () => {
    const nested = (depth: number) => Uint8Array.of(...new Array(depth).fill(0x81), 0)
    expect(() => decodeCbor(nested(8))).not.toThrow()
    expect(() => decodeCbor(nested(9))).toThrow(MalformedCbor)
  })

  it('what cannot be read cannot be written', () => {
    for (const value of [
      1.5,
      Number.NaN,
      -0,
      2 ** 53,
      Number.POSITIVE_INFINITY,
      '\ud800',
      undefined,
      1n,
      {},
      new Date(),
    ]) {
      expect(() => encodeCbor(value as never), String(value)).toThrow(MalformedCbor)
    }
  })

  it('arbitrary bytes are refused as malformed by every reader, never otherwise', () => {
    const readers = [parseSign1, parseBundle, parseSealed, decodeReceipt, decodeNotice, parseSettleMessage, readCall]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        for (const read of readers) expect(() => read(bytes)).toThrow(MalformedCbor)
      }),
      { numRuns: 500 },
    )
  })
})
