import fc from 'fast-check'
import { expect, it } from 'vitest'
import { toBase45 } from '../../../src/device/qr/base45.ts'
import { generateOfflineQR } from '../../../src/device/qr/generate.ts'
import { FRAME_BYTES_MAX, PARTS_MAX, SINGLE_BYTES_MAX } from '../../../src/device/qr/limits.ts'
import { encodePart, idOf } from '../../../src/device/qr/part.ts'
import { OfflineQRReader, parseOfflineQR } from '../../../src/device/qr/reader.ts'
import { qrModules } from '../../../src/device/qr/symbol.ts'
import { BUNDLE_BYTES_MAX } from '../../../src/protocol/limits.ts'
import { randomBytes } from '../../kit/device.ts'

/** Parts of a bundle: whatever order, repeats and losses the camera makes of them, the bundle or nothing. */
const complete = (bundle: Uint8Array) => ({ status: 'complete', carries: 'bundle', bundle })
const partsOf = (bytes: Uint8Array) => [...generateOfflineQR(bytes).parts]
/** Several thousand bytes that differ from run to run only by the seed that fast-check reports. */
const bytesOf = fc
  .tuple(fc.integer({ min: 1, max: BUNDLE_BYTES_MAX }), fc.nat(0xffff))
  .map(([length, seed]) => Uint8Array.from({ length }, (_, at) => Math.imul(at + seed, 2654435761) >>> 24))
const largeOf = bytesOf.filter((bytes) => bytes.length > 2 * FRAME_BYTES_MAX)
const order = fc.infiniteStream(fc.nat())

/** Shuffled by the stream's numbers. */
function shuffled<T>(items: readonly T[], stream: Iterable<number>): T[] {
  const numbers = stream[Symbol.iterator]()
  return items
    .map((item) => ({ item, at: numbers.next().value ?? 0 }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

it('a bundle of any size comes back as it was, whatever the order and the repeats', () => {
  fc.assert(
    fc.property(bytesOf, order, (bytes, stream) => {
      const parts = partsOf(bytes)
      expect(parseOfflineQR(shuffled([...parts, ...parts], stream))).toEqual(complete(bytes))
    }),
    { numRuns: 60 },
  )
})

it('the text is what another implementation makes of the format', () => {
  // Made with Python's hashlib and integer arithmetic from the description in `part.ts`.
  const bytes = Uint8Array.from({ length: 33 }, (_, at) => at)
  const tail = 'B$B-CQDKLIYTK04./TKO9KVBG9LDJO100KB0*M0DY0W016C1PN1:Y1I12$C2BO2UZ2423ND3.O3G 3W0'
  expect(partsOf(bytes)).toEqual([`MOLAM1:B1/1:${tail}`])
})

it('one symbol up to its capacity, and not one byte more', () => {
  const [fits, above] = [randomBytes(SINGLE_BYTES_MAX), randomBytes(SINGLE_BYTES_MAX + 1)]
  expect(generateOfflineQR(fits).kind).toBe('single')
  expect(generateOfflineQR(above)).toMatchObject({ kind: 'animated', parts: { length: 2 } })
  for (const bytes of [fits, above]) expect(parseOfflineQR(partsOf(bytes))).toEqual(complete(bytes))
})

it.each([
  ['one symbol', [1, SINGLE_BYTES_MAX - 1, SINGLE_BYTES_MAX], 97],
  ['each of several', [SINGLE_BYTES_MAX + 1, 2 * FRAME_BYTES_MAX, 99 * FRAME_BYTES_MAX, BUNDLE_BYTES_MAX], 77],
])('%s stays within its modules, for every size', (_, sizes, modulesMax) => {
  for (const size of sizes) {
    for (const part of partsOf(randomBytes(size))) {
      const modules = qrModules(part)
      expect(modules.length).toBeLessThanOrEqual(modulesMax + 8)
      expect(modules.every((row) => row.length === modules.length)).toBe(true)
    }
  }
})

it('a symbol brings its own quiet zone: four light modules on every side, and the finder patterns right behind them', () => {
  const modules = qrModules(partsOf(randomBytes(100))[0] ?? '')
  const last = modules.length - 1
  for (const [y, row] of modules.entries()) {
    for (const [x, dark] of row.entries()) if (Math.min(x, y, last - x, last - y) < 4) expect(dark).toBe(false)
  }
  expect([modules[4]?.[4], modules[4]?.[last - 4], modules[last - 4]?.[4]]).toEqual([true, true, true])
})

it('nothing and more than a bundle can be are refused', () => {
  expect(() => generateOfflineQR(new Uint8Array())).toThrow(RangeError)
  expect(() => generateOfflineQR(new Uint8Array(BUNDLE_BYTES_MAX + 1))).toThrow(RangeError)
  expect(generateOfflineQR(new Uint8Array(BUNDLE_BYTES_MAX)).parts).toHaveLength(PARTS_MAX)
})

it('without one part there is no bundle, and the count says how many are here', () => {
  fc.assert(
    fc.property(largeOf, fc.nat(), order, (bytes, pick, stream) => {
      const parts = partsOf(bytes)
      const lost = pick % parts.length
      const reader = new OfflineQRReader()
      const seen = shuffled(parts.toSpliced(lost, 1), stream)
      const results = [...seen, ...seen].map((part) => reader.add(part))
      expect(results.map(({ status }) => status)).not.toContain('complete')
      expect(results.at(-1)).toMatchObject({ status: 'partial', have: parts.length - 1, of: parts.length })
      expect(reader.add(parts[lost] ?? '')).toEqual(complete(bytes))
    }),
    { numRuns: 30 },
  )
})

it('a part that is shown again after the end gives the bundle again', () => {
  const bytes = randomBytes(3000)
  const [reader, parts] = [new OfflineQRReader(), partsOf(bytes)]
  for (const part of parts) reader.add(part)
  for (const part of parts) expect(reader.add(part)).toEqual(complete(bytes))
})

it('a part that was altered in any character is invalid, and costs none that were read', () => {
  const bytes = randomBytes(1000)
  const parts = partsOf(bytes)
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'
  fc.assert(
    fc.property(fc.nat(parts.length - 1), fc.nat(), fc.nat(), (which, at, to) => {
      const part = parts[which] ?? ''
      const place = at % part.length
      const altered = part.slice(0, place) + alphabet[to % alphabet.length] + part.slice(place + 1)
      fc.pre(altered !== part)
      const reader = new OfflineQRReader()
      const others = parts.toSpliced(which, 1)
      for (const other of others) reader.add(other)
      expect(reader.add(altered).status).toBe('invalid')
      expect(reader.add(part)).toEqual(complete(bytes))
    }),
    { numRuns: 300 },
  )
})

it('a part that is cut off or has something added is invalid', () => {
  const [part = ''] = partsOf(randomBytes(300))
  for (let length = 0; length < part.length; length++) {
    expect(parseOfflineQR([part.slice(0, length)]).status).toBe('invalid')
  }
  for (const added of ['0', '00', '000', ' ', '\n', '😀']) expect(parseOfflineQR([part + added]).status).toBe('invalid')
  expect(parseOfflineQR([` ${part}`, part.toLowerCase()]).status).toBe('invalid')
})

it('parts of two bundles in turn give both, each by itself', () => {
  fc.assert(
    fc.property(largeOf, largeOf, order, (one, other, stream) => {
      fc.pre(idOf(one).join() !== idOf(other).join())
      const reader = new OfflineQRReader()
      const results = shuffled([...partsOf(one), ...partsOf(other)], stream).map((part) => reader.add(part))
      const whole = results.filter(({ status }) => status === 'complete')
      expect(whole).toHaveLength(2)
      expect(whole).toEqual(expect.arrayContaining([complete(one), complete(other)]))
    }),
    { numRuns: 30 },
  )
})

it('a receipt never passes for a bundle, nor their parts for each other’s', () => {
  const bytes = randomBytes(1000)
  const [bundle, receipt] = [partsOf(bytes), [...generateOfflineQR(bytes, { carries: 'receipt' }).parts]]
  expect(parseOfflineQR(receipt)).toEqual({ status: 'complete', carries: 'receipt', receipt: bytes })
  expect(parseOfflineQR([bundle[0] ?? '', receipt[1] ?? '', receipt[2] ?? '']).status).toBe('partial')
})

it('a forged part with a good check never yields a bundle, and the true parts do afterwards', () => {
  const bytes = randomBytes(1000)
  const [reader, parts] = [new OfflineQRReader(), partsOf(bytes)]
  const forged = encodePart({ kind: 'bundle', index: 1, count: 3, id: idOf(bytes), chunk: randomBytes(100) })
  const results = [forged, ...parts].map((part) => reader.add(part))
  expect(results.at(-1)).toEqual({ status: 'invalid', reason: 'damaged' })
  expect(results.map(({ status }) => status)).not.toContain('complete')
  expect(parseOfflineQR([forged, ...parts, ...parts])).toEqual(complete(bytes))
})

it('more bytes than a bundle can have are no bundle, though their digest holds', () => {
  const bytes = new Uint8Array(PARTS_MAX * SINGLE_BYTES_MAX).fill(7)
  const count = PARTS_MAX
  const parts = Array.from({ length: count }, (_, at) => {
    const chunk = bytes.slice(at * SINGLE_BYTES_MAX, (at + 1) * SINGLE_BYTES_MAX)
    return encodePart({ kind: 'bundle', index: at + 1, count, id: idOf(bytes), chunk })
  })
  const reader = new OfflineQRReader()
  const results = parts.map((part) => reader.add(part))
  expect(results[0]?.status).toBe('partial')
  expect(results.at(-1)).toEqual({ status: 'invalid', reason: 'damaged' })
})

it('what other codes are shown in between changes nothing; the fifth bundle drives out the one seen longest ago', () => {
  const bundles = Array.from({ length: 5 }, () => randomBytes(1000))
  const [first = [], ...others] = bundles.map(partsOf)
  const reader = new OfflineQRReader()
  reader.add(first[0] ?? '')
  for (let i = 0; i < 50; i++) reader.add(`https://example.com/${i}`)
  for (const other of others.slice(0, 3)) reader.add(other[0] ?? '')
  expect(reader.add(first[1] ?? '')).toMatchObject({ have: 2 })
  for (const other of others) reader.add(other[0] ?? '')
  expect(reader.add(first[2] ?? '')).toMatchObject({ have: 1 })
})

const body = toBase45(new Uint8Array(40))
it.each([
  ['nothing', '', 'not_molam'],
  ['a web address', 'https://example.com', 'not_molam'],
  ['a health certificate', 'HC1:NCFOXN', 'not_molam'],
  ['our scheme in lower case', 'molam1:B1/1:', 'not_molam'],
  ['a later version', `MOLAM2:B1/1:${body}`, 'unsupported_version'],
  ['another spelling of the version', `MOLAM01:B1/1:${body}`, 'unsupported_version'],
  ['no part', 'MOLAM1:', 'damaged'],
  ['an unknown kind', `MOLAM1:X1/1:${body}`, 'damaged'],
  ['part 0', `MOLAM1:B0/1:${body}`, 'damaged'],
  ['part 2 of 1', `MOLAM1:B2/1:${body}`, 'damaged'],
  ['another spelling of the number', `MOLAM1:B01/1:${body}`, 'damaged'],
  ['more parts than there can be', `MOLAM1:B1/999:${body}`, 'damaged'],
  ['a wrong check', `MOLAM1:B1/1:${body}`, 'damaged'],
  ['five million characters', `MOLAM1:B1/1:${'0'.repeat(5_000_000)}`, 'damaged'],
] as const)('%s is told as what it is', (_, text, reason) => {
  expect(new OfflineQRReader().add(text)).toEqual({ status: 'invalid', reason })
})

it('a part that is empty, too large, or numbered beyond the largest bundle is damaged, though its check holds', () => {
  const part = { kind: 'bundle', index: 1, id: randomBytes(16), chunk: randomBytes(9) } as const
  expect(parseOfflineQR([encodePart({ ...part, count: PARTS_MAX + 1 })]).status).toBe('invalid')
  expect(parseOfflineQR([encodePart({ ...part, count: PARTS_MAX })]).status).toBe('partial')
  expect(parseOfflineQR([encodePart({ ...part, count: 1, chunk: new Uint8Array() })]).status).toBe('invalid')
  const large = randomBytes(SINGLE_BYTES_MAX + 20)
  expect(parseOfflineQR([encodePart({ ...part, count: 1, id: idOf(large), chunk: large })]).status).toBe('invalid')
})

it('any text at all is read without an exception', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((tail) => `MOLAM1:B1/2:${tail}`),
        ),
      ),
      (texts) => {
        expect(['invalid', 'partial']).toContain(parseOfflineQR(texts).status)
      },
    ),
  )
})
