import { fromBase64url } from '../protocol/bytes.ts'
import { type Alg, EDDSA, ES256, PS256, RS256 } from '../protocol/cose.ts'
import { InvalidKey, type PublicKey } from './suite.ts'

/**
 * Public keys as people and tools hand them in, JWK (RFC 7517) or PEM SPKI (RFC 5280 §4.1), turned into the one form that
 * is kept. WebCrypto reads the DER, so there is no parser of ours; the checks that it leaves out are the suite's.
 */
export type Jwk = Readonly<Record<string, unknown>>

const ALGS: Readonly<Record<string, Alg>> = { ES256, EdDSA: EDDSA, PS256, RS256 }

/** Bytes of the DER of the largest key that is accepted, with some room. */
const DER_BYTES_MAX = 800

/**
 * @param alg what it is to be used for; needed for RSA keys, whose form does not say
 * @throws InvalidKey for everything that is not a public key of an algorithm we take
 */
export async function publicKeyOf(source: Jwk | string, alg?: string): Promise<PublicKey> {
  return fromJwk(typeof source === 'string' ? await pemToJwk(source) : source, alg)
}

function fromJwk(jwk: Jwk, wanted: string | undefined): PublicKey {
  // Who hands in a private key has lost it; it must not look as if all were well.
  if (['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((member) => member in jwk)) {
    throw new InvalidKey('a private key')
  }
  const name = wanted ?? jwk['alg'] ?? defaultAlg(jwk)
  if (wanted !== undefined && jwk['alg'] !== undefined && jwk['alg'] !== wanted) throw new InvalidKey('alg')
  const alg = typeof name === 'string' && Object.hasOwn(ALGS, name) ? ALGS[name] : undefined
  switch (alg) {
    case ES256: {
      if (jwk['kty'] !== 'EC' || jwk['crv'] !== 'P-256') throw new InvalidKey('not a P-256 key')
      const [x, y] = [member(jwk, 'x', 32), member(jwk, 'y', 32)]
      return { alg, bytes: Uint8Array.of(4, ...x, ...y) }
    }
    case EDDSA:
      if (jwk['kty'] !== 'OKP' || jwk['crv'] !== 'Ed25519') throw new InvalidKey('not an Ed25519 key')
      return { alg, bytes: member(jwk, 'x', 32) }
    case PS256:
    case RS256:
      if (jwk['kty'] !== 'RSA' || jwk['e'] !== 'AQAB') throw new InvalidKey('not an RSA key with the exponent 65537')
      return { alg, bytes: member(jwk, 'n') }
    default:
      throw new InvalidKey('alg')
  }
}

const defaultAlg = ({ kty }: Jwk): string | undefined => (kty === 'EC' ? 'ES256' : kty === 'OKP' ? 'EdDSA' : undefined)

function member(jwk: Jwk, name: string, length?: number): Uint8Array {
  const value = jwk[name]
  if (typeof value !== 'string') throw new InvalidKey(name)
  let bytes: Uint8Array
  try {
    // Canonical only: two spellings of one coordinate must not make two keys.
    bytes = fromBase64url(value)
  } catch {
    throw new InvalidKey(name)
  }
  if (length !== undefined && bytes.length !== length) throw new InvalidKey(name)
  return bytes
}

const PEM = /^\s*-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/\r\n]+={0,2})\s*-----END PUBLIC KEY-----\s*$/

const SPKI_KINDS = [
  { name: 'ECDSA', namedCurve: 'P-256' },
  { name: 'Ed25519' },
  { name: 'RSA-PSS', hash: 'SHA-256' },
] as const

async function pemToJwk(pem: string): Promise<Jwk> {
  const body = PEM.exec(pem)?.[1]?.replaceAll(/[\r\n]/g, '')
  if (body === undefined || body.length > (DER_BYTES_MAX * 4) / 3) throw new InvalidKey('not a PEM public key')
  const der = decodeDer(body)
  for (const kind of SPKI_KINDS) {
    try {
      const key = await crypto.subtle.importKey('spki', der as BufferSource, kind, true, ['verify'])
      const { kty, crv, x, y, n, e } = (await crypto.subtle.exportKey('jwk', key)) as JsonWebKey
      const members = Object.entries({ kty, crv, x, y, n, e })
      return Object.fromEntries(members.filter(([, value]) => value !== undefined))
    } catch {
      // Not of this kind.
    }
  }
  throw new InvalidKey('not a key that is supported')
}

function decodeDer(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  } catch {
    throw new InvalidKey('not base64')
  }
}
