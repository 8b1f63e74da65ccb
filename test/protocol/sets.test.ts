import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, equalBytes, fromBase64url, fromHex, toBase64url, toHex } from '../../src/protocol/bytes.ts'
import { type ChainLink, chainStep, GENESIS_PREV, prevOf } from '../../src/protocol/chain.ts'
import { addRange, type CounterSet, hasCounter, highestCounter, missingCounters } from '../../src/protocol/counters.ts'
import { isDeviceId, isParty, localId, newUlid, parseLocalId, parseUlid, ulidText } from '../../src/protocol/ids.ts'
import { amountMinor, isAmountMinor, isCurrency } from '../../src/protocol/money.ts'
import { bundleStatus, PAYMENT_STATUSES } from '../../src/protocol/states.ts'
import { compactId, expandId } from '../../src/protocol/uuid.ts'
import { bytesOf, counters, deviceIds } from './arbitraries.ts'

describe('counters, against a plain set', () => {
  const range = fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 9 }))
    .map(([a, n]) => [a, a + n] as const)
  it('hold what was added, name what is missing, and stay sorted, disjoint and apart', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), (ranges) => {
        const naive = new Set<number>()
        let set: CounterSet = []
        for (const [first, last] of ranges) {
          set = addRange(set, [first, last])
          for (let counter = first; counter <= last; counter++) naive.add(counter)
        }
        const highest = Math.max(0, ...naive)
        expect(highestCounter(set)).toBe(highest)
        for (let counter = 0; counter <= 75; counter++) expect(hasCounter(set, counter)).toBe(naive.has(counter))
        const missing = Array.from({ length: highest }, (_, i) => i + 1).filter((counter) => !naive.has(counter))
        expect(missingCounters(set, 200)).toEqual(missing)
        expect(missingCounters(set, 3)).toEqual(missing.slice(0, 3))
        set.forEach(([first, last], i) => {
          expect(first).toBeLessThanOrEqual(last)
          if (i > 0) expect(first).toBeGreaterThan((set[i - 1]?.[1] ?? 0) + 1)
        })
      }),
    )
  })

  it('a gap of four thousand million names no more than it is asked for', () => {
    expect(missingCounters([[2 ** 32 - 1, 2 ** 32 - 1]], 200)).toHaveLength(200)
  })
})

describe('the chain, against the whole list', () => {
  /** Bundles 1 … n of an honest device. */
  function honest(digests: readonly Uint8Array[]): ChainLink[] {
    return digests.map((digest, i) => ({
      seq: i + 1,
      digest,
      prev: i === 0 ? GENESIS_PREV : prevOf(digests[i - 1] ?? digest),
    }))
  }
  const neighbours = (admitted: ReadonlyMap<number, ChainLink>, seq: number) => ({
    head: Math.max(0, ...admitted.keys()),
    before: admitted.get(seq - 1),
    same: admitted.get(seq),
    after: admitted.get(seq + 1),
  })
  const digests = fc.uniqueArray(bytesOf(32), {
    minLength: 2,
    maxLength: 12,
    comparator: (a, b) => equalBytes(prevOf(a), prevOf(b)),
  })

  it('takes an honest device’s bundles in any order', () => {
    fc.assert(
      fc.property(digests, fc.infiniteStream(fc.nat()), (list, random) => {
        const admitted = new Map<number, ChainLink>()
        for (const link of honest(list).toSorted(() => ((random.next().value ?? 0) % 2 === 0 ? 1 : -1))) {
          const near = neighbours(admitted, link.seq)
          expect(chainStep(link, near)).toEqual({ kind: 'continues', holes: Math.max(0, link.seq - near.head - 1) })
          admitted.set(link.seq, link)
        }
      }),
    )
  })

  it('notices any other story about a place whose neighbour is known, and names the bundle it contradicts', () => {
    const fork = (against: ChainLink | undefined) => ({ kind: 'fork', against })
    fc.assert(
      fc.property(digests, fc.nat(), bytesOf(32), (list, at, other) => {
        fc.pre(list.every((digest) => !equalBytes(prevOf(digest), prevOf(other))))
        const chain = honest(list)
        const admitted = new Map(chain.map((link) => [link.seq, link]))
        const place = 1 + (at % chain.length)
        const truth = chain[place - 1] as ChainLink
        expect(chainStep({ ...truth, digest: other }, neighbours(admitted, place)), 'same seq').toEqual(fork(truth))
        admitted.delete(place)
        const bent = { ...truth, prev: other.slice(0, 16) }
        expect(chainStep(bent, neighbours(admitted, place)), 'wrong prev').toEqual(fork(chain[place - 2]))
        if (place < chain.length) {
          expect(chainStep({ ...truth, digest: other }, neighbours(admitted, place)), 'wrong next').toEqual(
            fork(chain[place]),
          )
        }
        expect(chainStep(truth, neighbours(admitted, place)).kind, 'the truth').toBe('continues')
      }),
    )
  })
})

describe('texts of bytes', () => {
  it('hex and base64url go both ways, and base64url agrees with the platform', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes)
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
        expect(fromBase64url(toBase64url(bytes))).toEqual(bytes)
        expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
      }),
    )
  })

  it('no two texts are the same bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'AQgw-_9z=+/ \n'), maxLength: 12 }), (text) => {
        let bytes: Uint8Array
        try {
          bytes = fromBase64url(text)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
          return
        }
        expect(toBase64url(bytes)).toBe(text)
      }),
      { numRuns: 1000 },
    )
    for (const text of ['0', '0G', 'AB', '0x00', ' 00', 'ÀÀ']) expect(() => fromHex(text), text).toThrow(RangeError)
  })

  it('concatenation keeps every byte in order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9 })), (parts) => {
        expect([...concatBytes(...parts)]).toEqual(parts.flatMap((part) => [...part]))
      }),
    )
  })
})

describe('ids', () => {
  it('ULIDs go both ways, sort by time, and have one spelling', () => {
    fc.assert(
      fc.property(bytesOf(16), (bytes) => {
        expect(parseUlid(ulidText(bytes))).toEqual(bytes)
      }),
    )
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 48 - 1 }), fc.nat({ max: 2 ** 48 - 1 }), (a, b) => {
        const text = (ms: number) => ulidText(newUlid(ms, (length) => new Uint8Array(length)))
        expect(Math.sign(a - b)).toBe(text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0)
      }),
    )
    // The example of the ULID specification's README.
    expect(ulidText(newUlid(1469918176385, (length) => new Uint8Array(length))).slice(0, 10)).toBe('01ARYZ6S41')
    for (const text of [
      '',
      '01ARYZ6S41',
      '8'.padEnd(26, '0'),
      `${'0'.repeat(25)}I`,
      `${'0'.repeat(25)}a`,
      '0'.repeat(27),
    ]) {
      expect(parseUlid(text), text).toBeUndefined()
    }
  })

  it('a payment’s name names its device and counter', () => {
    fc.assert(
      fc.property(deviceIds(), counters(), (deviceId, counter) => {
        expect(parseLocalId(localId(deviceId, counter))).toEqual({ deviceId, counter })
      }),
    )
    for (const text of ['', 'A', 'A/', '/1', 'A/0', 'A/01', 'A/-1', 'A/1.0', 'A/4294967296', 'A B/1', 'A/1/']) {
      expect(parseLocalId(text), text).toBeUndefined()
    }
  })

  it('UUIDs travel as 16 bytes, and every other text as itself', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(compactId(id)).toHaveLength(16)
        expect(expandId(compactId(id))).toBe(id)
      }),
    )
    for (const id of ['W-1', '0189D2A4-7B1C-4D2E-8F3A-0123456789AB', '0189d2a47b1c4d2e8f3a0123456789ab']) {
      expect(expandId(compactId(id))).toBe(id)
      expect(compactId(id)).toBe(id)
    }
  })

  it('bad names, amounts and currencies are none', () => {
    for (const bad of ['', 'a'.repeat(65), 'a b', 'a/b', 'é', 'a\n', 1, null])
      expect(isDeviceId(bad), `${bad}`).toBe(false)
    for (const bad of ['', 'a'.repeat(65), 'a b', 'é', 'a\n', '\x7f', 1, null])
      expect(isParty(bad), `${bad}`).toBe(false)
    for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, '1', 1n, null]) {
      expect(isAmountMinor(bad), `${bad}`).toBe(false)
      expect(() => amountMinor(bad as number)).toThrow(RangeError)
    }
    for (const bad of ['', 'XO', 'XOFF', 'xof', 'X0F', 'XOF\n', null]) expect(isCurrency(bad), `${bad}`).toBe(false)
  })
})

it('a bundle waits while any payment of it does, and then says what became of all', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PAYMENT_STATUSES.slice(1)), { maxLength: 8 }), (statuses) => {
      const status = bundleStatus(statuses)
      const waits = statuses.some((one) => ['pending', 'review', 'quarantined', 'claimed'].includes(one))
      expect(['pushed', 'review', 'quarantined', 'claimed'].includes(status)).toBe(waits)
      if (waits) return
      const moved = statuses.filter((one) => one === 'succeeded' || one === 'reversed').length
      if (moved === statuses.length) expect(status).toBe('accepted')
      else if (moved > 0) expect(status).toBe('partially_accepted')
      else expect(status).toBe(statuses.includes('failed') ? 'failed' : 'rejected')
    }),
  )
})
