import { concatBytes, fromHex, utf8 } from '../../../src/protocol/bytes.ts'
import { type CborKey, type CborValue, encodeCbor, Tagged } from '../../../src/protocol/cbor.ts'
import { type Made, randomBytes } from '../../kit/device.ts'

/** Bundles that are malformed in one way each, made from a good one. Their signatures are random: form comes first. */
type Claims = Map<CborKey, CborValue>

export function headerParts({ header }: Made): { header: Map<number, CborValue>; claims: Claims } {
  const claims: Claims = new Map<CborKey, CborValue>([
    [1, header.deviceId],
    [6, Math.floor(header.signedAtMs / 1000)],
    [7, header.bundleId],
    ['v', 1],
    ['seq', header.seq],
    ['prev', header.prev],
    ['nonce', header.nonce],
  ])
  return {
    header: new Map<number, CborValue>([
      [1, header.alg],
      [4, header.kid],
    ]),
    claims,
  }
}

export const protectedOf = ({ header, claims }: Parts): Uint8Array =>
  encodeCbor(new Map<number, CborValue>([...header, [15, claims]]))

export function envelope(protectedBytes: Uint8Array, { sealed }: Made): Uint8Array {
  return encodeCbor(new Tagged(18, [protectedBytes, new Map(), sealed, randomBytes(64)]))
}

/** The same bundle with other framing: each is well-known CBOR, and none is the one deterministic form. */
export function badEnvelopes(): [string, (made: Made) => Uint8Array][] {
  const parts = ({ bundle }: Made): Uint8Array => bundle.slice(2)
  const sign1 = (bend: (parts: CborValue[]) => CborValue) => (made: Made) =>
    encodeCbor(new Tagged(18, bend([assembledHeader(made, 'good'), new Map(), made.sealed, randomBytes(64)])))
  const part = (at: number, value: CborValue) => sign1((four) => four.with(at, value))
  return [
    ['no tag', ({ bundle }) => bundle.slice(1)],
    ['the tag of an encrypted object', ({ bundle }) => concatBytes(Uint8Array.of(0xd0), bundle.slice(1))],
    ['a tag that is not known', ({ bundle }) => concatBytes(Uint8Array.of(0xd1), bundle.slice(1))],
    ['a self-described CBOR tag', ({ bundle }) => concatBytes(fromHex('d9d9f7'), bundle)],
    ['a tag written longer than needed', ({ bundle }) => concatBytes(fromHex('d812'), bundle.slice(1))],
    ['an array length written longer than needed', (made) => concatBytes(fromHex('d29804'), parts(made))],
    ['an array of indefinite length', (made) => concatBytes(fromHex('d29f'), parts(made), fromHex('ff'))],
    ['three parts', sign1((four) => four.slice(0, 3))],
    ['five parts', sign1((four) => [...four, new Uint8Array()])],
    ['text for the payload', part(2, 'x')],
    ['text for the signature', part(3, 'x')],
    ['a null payload', part(2, null)],
    ['an unprotected header', part(1, new Map([[1, -7]]))],
    ['a list for the unprotected header', part(1, [])],
    ['an empty protected header', part(0, new Uint8Array())],
    ['a protected header that is not wrapped in bytes', part(0, new Map([[1, -7]]))],
    ['a list for the protected header', part(0, encodeCbor([]))],
    ['a map of the parts', sign1((four) => new Map(four.map((value, i) => [i, value])))],
    ['nesting of 9', () => fromHex(`d2${'81'.repeat(8)}00`)],
    ['nesting of 60 000', () => new Uint8Array(60_000).fill(0x81)],
    ['maps nested 60 000 deep', () => new Uint8Array(60_000).fill(0xa1)],
    ['tags nested 60 000 deep', () => new Uint8Array(60_000).fill(0xd2)],
    ['an array that claims 2^64-1 items', () => fromHex('9bffffffffffffffff')],
    ['a byte string that claims 2^64-1 bytes', () => fromHex('5bffffffffffffffff')],
    ['reserved lengths', () => fromHex('9c')],
    ['a break alone', () => fromHex('ff')],
    ['a float', () => fromHex('f93c00')],
    ['undefined', () => fromHex('f7')],
    ['a big number', () => fromHex('c249010000000000000000')],
    ['a COSE_Sign1 in JSON', () => utf8('{"protected":"","payload":""}')],
    ['a signature of 513 bytes', part(3, new Uint8Array(513))],
    ['keys out of order', (made) => envelope(assembledHeader(made, 'unsorted'), made)],
    ['a key twice', (made) => envelope(assembledHeader(made, 'duplicate'), made)],
    [
      'a header with bytes after it',
      (made) => envelope(concatBytes(assembledHeader(made, 'good'), Uint8Array.of(0)), made),
    ],
    ['a time as float', (made) => envelope(assembledHeader(made, 'float'), made)],
  ]
}

/** The protected header assembled by hand. */
export function assembledHeader(made: Made, how: 'good' | 'unsorted' | 'duplicate' | 'float'): Uint8Array {
  const { claims } = headerParts(made)
  const alg = fromHex('0126')
  const kid = concatBytes(fromHex('0448'), made.header.kid)
  const encoded = encodeCbor(claims)
  const inner = how === 'float' ? withFloatTime(encoded) : encoded
  const last = concatBytes(fromHex('0f'), inner)
  if (how === 'unsorted') return concatBytes(fromHex('a3'), kid, alg, last)
  if (how === 'duplicate') return concatBytes(fromHex('a4'), alg, alg, kid, last)
  return concatBytes(fromHex('a3'), alg, kid, last)
}

/** `6: 1a xxxxxxxx` becomes `6: fb <double>`. */
function withFloatTime(claims: Uint8Array): Uint8Array {
  const at = claims.findIndex((byte, i) => byte === 6 && claims[i + 1] === 0x1a)
  const double = new Uint8Array(9)
  double[0] = 0xfb
  const seconds = new DataView(claims.slice(at + 2, at + 6).buffer).getUint32(0)
  new DataView(double.buffer).setFloat64(1, seconds)
  return concatBytes(claims.slice(0, at + 1), double, claims.slice(at + 6))
}

type Parts = ReturnType<typeof headerParts>
export function badHeaders(): [string, (parts: Parts) => void][] {
  const set = (name: CborKey, value: CborValue) => (parts: Parts) => void parts.claims.set(name, value)
  const drop = (name: CborKey) => (parts: Parts) => void parts.claims.delete(name)
  const swap = (a: CborKey, b: CborKey) => (parts: Parts) => {
    const [left, right] = [parts.claims.get(a) as CborValue, parts.claims.get(b) as CborValue]
    parts.claims.set(a, right).set(b, left)
  }
  const dropped = [1, 6, 7, 'v', 'seq', 'prev', 'nonce'].map((name): [string, (parts: Parts) => void] => [
    `no claim ${name}`,
    drop(name),
  ])
  return [
    ...dropped,
    ['an unknown claim', set('x', 1)],
    ['an unknown field', ({ header }) => void header.set(5, new Uint8Array(12))],
    ['a critical field', ({ header }) => void header.set(2, [15])],
    ['no alg', ({ header }) => void header.delete(1)],
    ['an unknown alg', ({ header }) => void header.set(1, -36)],
    ['the alg of a MAC', ({ header }) => void header.set(1, 5)],
    ['the alg as text', ({ header }) => void header.set(1, 'ES256')],
    ['a kid of 7 bytes', ({ header }) => void header.set(4, new Uint8Array(7))],
    ['device id and nonce swapped', swap(1, 'nonce')],
    ['seq and prev swapped', swap('seq', 'prev')],
    ['an empty device id', set(1, '')],
    ['a device id of 65', set(1, 'x'.repeat(65))],
    ['a dot as device id', set(1, '.')],
    ['two dots as device id', set(1, '..')],
    ['a path in the device id', set(1, '../x')],
    ['a line end in the device id', set(1, 'POS\n')],
    ['a letter outside ASCII in the device id', set(1, 'PÖS')],
    ['a negative time', set(6, -1)],
    ['a time beyond 2^40', set(6, 2 ** 40 + 1)],
    ['the time as text', set(6, '1')],
    ['a bundle id of 15 bytes', set(7, new Uint8Array(15))],
    ['a bundle id of 17 bytes', set(7, new Uint8Array(17))],
    ['the version as text', set('v', '1')],
    ['the version negative', set('v', -1)],
    ['seq 0', set('seq', 0)],
    ['seq negative', set('seq', -1)],
    ['seq 2^32 - 2^16 + 1', set('seq', 2 ** 32 - 2 ** 16 + 1)],
    ['seq 2^32 - 1', set('seq', 2 ** 32 - 1)],
    ['seq 2^32', set('seq', 2 ** 32)],
    ['prev of 15 bytes', set('prev', new Uint8Array(15))],
    ['prev of 32 bytes', set('prev', new Uint8Array(32))],
    ['an empty nonce', set('nonce', new Uint8Array())],
    ['relay 0', set('relay', 0)],
    ['relay true', set('relay', true)],
  ]
}
