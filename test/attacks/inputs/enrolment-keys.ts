import { toBase64url } from '../../../src/protocol/bytes.ts'

/** Public keys that no device may be registered with, as JWK or PEM; made from a good P-256 key where that is the point. */
export interface BadKey {
  readonly name: string
  readonly public_key: unknown
  readonly alg?: string
}

interface GoodKey {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y: string
}

/** Order 1, 2, 4 and 8 on Curve25519, in every encoding that a lenient reader takes (little-endian, hex). */
const LOW_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]

const hex = (text: string) => toBase64url(Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)))
const odd = (bytes: number, first = 0xc1) =>
  toBase64url(new Uint8Array(bytes).map((_, i) => (i === 0 ? first : i === bytes - 1 ? 0x35 : (i * 37 + 11) & 255)))
const pem = (label: string, body: string) => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
const SPKI = 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE'

export function badKeys(good: GoodKey): readonly BadKey[] {
  const ec = (over: object) => ({ ...good, ...over })
  const rsa = (n: string, e = 'AQAB') => ({ kty: 'RSA', n, e })
  const flip = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
  const jwks: Record<string, unknown> = {
    'x that is not on the curve': ec({ x: flip(good.x) }),
    'y that is not on the curve': ec({ y: flip(good.y) }),
    'the point at infinity': ec({ x: 'A'.repeat(43), y: 'A'.repeat(43) }),
    'x of 31 bytes': ec({ x: good.x.slice(0, 42) }),
    'x of 33 bytes': ec({ x: `${good.x}A` }),
    'x with padding': ec({ x: `${good.x}=` }),
    'x in base64 with a plus': ec({ x: `+${good.x.slice(1)}` }),
    'x with stray bits': ec({ x: `${good.x.slice(0, 42)}${good.x.at(-1) === 'B' ? 'D' : 'B'}` }),
    'x as number': ec({ x: 1 }),
    'x above the field': ec({ x: `${'_'.repeat(42)}8` }),
    'no y': { kty: 'EC', crv: 'P-256', x: good.x },
    'no x': { kty: 'EC', crv: 'P-256', y: good.y },
    'on P-384': ec({ crv: 'P-384' }),
    'on P-521': ec({ crv: 'P-521' }),
    'on secp256k1': ec({ crv: 'secp256k1' }),
    'no curve': { kty: 'EC', x: good.x, y: good.y },
    'another key type': ec({ kty: 'RSA' }),
    'no key type': { crv: 'P-256', x: good.x, y: good.y },
    'a symmetric key': { kty: 'oct', k: good.x },
    'a private key': ec({ d: good.x }),
    'alg none': ec({ alg: 'none' }),
    'alg HS256': ec({ alg: 'HS256' }),
    'alg ES384': ec({ alg: 'ES384' }),
    'alg of another kind': ec({ alg: 'EdDSA' }),
    'alg from the prototype': ec({ alg: 'constructor' }),
    'an X25519 key': { kty: 'OKP', crv: 'X25519', x: good.x },
    'an Ed448 key': { kty: 'OKP', crv: 'Ed448', x: good.x },
    'an Ed25519 key of 31 bytes': { kty: 'OKP', crv: 'Ed25519', x: good.x.slice(0, 42) },
    'RSA without alg': rsa(odd(256)),
    'an empty key': {},
  }
  const ed25519 = LOW_ORDER.map((y, i) => ({
    name: `an Ed25519 key of low order, ${i + 1}`,
    public_key: { kty: 'OKP', crv: 'Ed25519', x: hex(y) },
  }))
  const weakRsa: BadKey[] = [
    { name: 'RSA of 512 bits', public_key: rsa(odd(64)), alg: 'RS256' },
    { name: 'RSA of 1024 bits', public_key: rsa(odd(128)), alg: 'PS256' },
    { name: 'RSA of 2040 bits', public_key: rsa(odd(255)), alg: 'RS256' },
    { name: 'RSA of 2047 bits', public_key: rsa(odd(256, 0x41)), alg: 'RS256' },
    { name: 'RSA of 4104 bits', public_key: rsa(odd(513)), alg: 'PS256' },
    { name: 'RSA with e = 3', public_key: rsa(odd(256), 'Aw'), alg: 'RS256' },
    { name: 'RSA with e = 1', public_key: rsa(odd(256), 'AQ'), alg: 'RS256' },
    { name: 'RSA with an even modulus', public_key: rsa(`${odd(256).slice(0, -2)}AA`), alg: 'RS256' },
    { name: 'RSA with leading zeros', public_key: rsa(odd(257, 0)), alg: 'RS256' },
  ]
  const pems: Record<string, string> = {
    'a PEM that is empty': pem('PUBLIC KEY', 'AAAA'),
    'a PEM certificate': pem('CERTIFICATE', SPKI + 'A'.repeat(86)),
    'a PEM private key': pem('PRIVATE KEY', SPKI + 'A'.repeat(86)),
    'a PEM of a point that is not on the curve': pem('PUBLIC KEY', `${SPKI + 'B'.repeat(84)}AA`),
    'a PEM that is cut off': pem('PUBLIC KEY', SPKI),
    'two PEMs': pem('PUBLIC KEY', 'AAAA') + pem('PUBLIC KEY', 'AAAA'),
    'text that is no PEM': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI',
  }
  return [
    ...Object.entries({ ...jwks, ...pems }).map(([name, public_key]) => ({ name, public_key })),
    ...ed25519,
    ...weakRsa,
  ]
}
