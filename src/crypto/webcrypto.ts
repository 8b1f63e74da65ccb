import * as HPKE from 'hpke'
import { concatBytes, toBase64url } from '../protocol/bytes.ts'
import { EDDSA, ES256, PS256, RS256 } from '../protocol/cose.ts'
import { checkEd25519, checkModulus } from './key-checks.ts'
import { isLowS, normaliseS } from './low-s.ts'
import { type CryptoSuite, InvalidKey, type RecipientKey, type Signer, type Verifier } from './suite.ts'

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const
const ECDH = { name: 'ECDH', namedCurve: 'P-256' } as const
const SIGN = { name: 'ECDSA', hash: 'SHA-256' } as const

/** HPKE-7 from WebCrypto; exported for the published vectors, which carry an `info`. */
export const webCryptoHpke = /* @__PURE__ */ new HPKE.CipherSuite(
  HPKE.KEM_DHKEM_P256_HKDF_SHA256,
  HPKE.KDF_HKDF_SHA256,
  HPKE.AEAD_AES_256_GCM,
)

/** The suite on WebCrypto: constant-time native code, and the only one that runs at the edge. */
export const webCryptoSuite: CryptoSuite = {
  async sha256(data) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', data as BufferSource))
  },

  async verifier({ alg, bytes }) {
    switch (alg) {
      case ES256:
        return es256Verifier(bytes)
      case EDDSA:
        return ed25519Verifier(bytes)
      case PS256:
        return rsaVerifier('RSA-PSS', bytes)
      case RS256:
        return rsaVerifier('RSASSA-PKCS1-v1_5', bytes)
      default:
        throw new InvalidKey('no such algorithm')
    }
  },

  async seal(recipient, plaintext, aad) {
    let publicKey: HPKE.Key
    try {
      publicKey = await webCryptoHpke.DeserializePublicKey(recipient)
    } catch {
      throw new InvalidKey('not a P-256 point')
    }
    const { encapsulatedSecret, ciphertext } = await webCryptoHpke.Seal(publicKey as HPKE.CryptoKey, plaintext, { aad })
    return { encapsulatedKey: encapsulatedSecret, ciphertext }
  },

  async open(recipient, sealed, aad) {
    try {
      const pair = recipient.suiteKey as HPKE.KeyPair<HPKE.CryptoKey>
      return await webCryptoHpke.Open(pair, sealed.encapsulatedKey, sealed.ciphertext, { aad })
    } catch {
      return undefined
    }
  },

  async recipientKey(privateKey): Promise<RecipientKey> {
    const pair = await importRecipient(privateJwk(privateKey, await publicOf(privateKey)))
    return { suiteKey: pair }
  },

  async es256Signer(privateKey) {
    const publicKey = await publicOf(privateKey)
    const jwk = privateJwk(privateKey, publicKey)
    return es256Signer(await crypto.subtle.importKey('jwk', jwk, ECDSA, false, ['sign']), publicKey)
  },
}

async function importVerifyKey(
  format: 'raw' | 'jwk',
  key: Uint8Array | JsonWebKey,
  algorithm: Parameters<typeof crypto.subtle.importKey>[2],
) {
  try {
    return await crypto.subtle.importKey(format as 'raw', key as BufferSource, algorithm, true, ['verify'])
  } catch {
    throw new InvalidKey('not a key of its algorithm')
  }
}

async function es256Verifier(point: Uint8Array): Promise<Verifier> {
  if (point.length !== 65 || point[0] !== 4) throw new InvalidKey('not an uncompressed P-256 point')
  const key = await importVerifyKey('raw', point, ECDSA)
  return {
    async verify(data, signature) {
      if (signature.length !== 64 || !isLowS(signature)) return false
      return crypto.subtle.verify(SIGN, key, signature as BufferSource, data as BufferSource)
    },
  }
}

/** RS256 and PS256 (RFC 8812 §2, RFC 8230 §2); the salt of PS256 is as long as its hash. */
async function rsaVerifier(name: 'RSASSA-PKCS1-v1_5' | 'RSA-PSS', modulus: Uint8Array): Promise<Verifier> {
  checkModulus(modulus)
  const jwk = { kty: 'RSA', n: toBase64url(modulus), e: 'AQAB' }
  const key = await importVerifyKey('jwk', jwk, { name, hash: 'SHA-256' })
  return {
    async verify(data, signature) {
      if (signature.length !== modulus.length) return false
      return crypto.subtle.verify({ name, saltLength: 32 }, key, signature as BufferSource, data as BufferSource)
    },
  }
}

async function ed25519Verifier(bytes: Uint8Array): Promise<Verifier> {
  checkEd25519(bytes)
  const key = await importVerifyKey('raw', bytes, { name: 'Ed25519' })
  return {
    async verify(data, signature) {
      if (signature.length !== 64) return false
      return crypto.subtle.verify('Ed25519', key, signature as BufferSource, data as BufferSource)
    },
  }
}

/** A signer over a WebCrypto key, which may be one that never leaves its store. */
export function es256Signer(privateKey: CryptoKey, publicKey: Uint8Array): Signer {
  return {
    key: { alg: ES256, bytes: publicKey },
    // WebCrypto returns the high s half of the time.
    sign: async (data) => normaliseS(new Uint8Array(await crypto.subtle.sign(SIGN, privateKey, data as BufferSource))),
  }
}

/** A recipient key from a private JWK; not extractable. */
export async function importRecipient(jwk: JsonWebKey): Promise<HPKE.KeyPair> {
  const { d: _, ...publicJwk } = jwk
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey('jwk', jwk, ECDH, false, ['deriveBits']),
    crypto.subtle.importKey('jwk', { ...publicJwk, key_ops: [] }, ECDH, true, []),
  ])
  return { privateKey, publicKey } as HPKE.KeyPair
}

/** PKCS #8 of a P-256 key without its public point (RFC 5915 §3 makes it optional): the scalar follows. */
const PKCS8_P256 = Uint8Array.from([
  0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
  0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
])

/** WebCrypto cannot multiply by the base point, but it computes the public key when it imports a bare private one. */
async function publicOf(privateKey: Uint8Array): Promise<Uint8Array> {
  const pkcs8 = concatBytes(PKCS8_P256, privateKey)
  try {
    const key = await crypto.subtle.importKey('pkcs8', pkcs8 as BufferSource, ECDSA, true, ['sign'])
    return jwkPoint((await crypto.subtle.exportKey('jwk', key)) as JsonWebKey)
  } catch {
    throw new InvalidKey('not a P-256 private key')
  }
}

/** SEC1 uncompressed point of a public JWK. */
export function jwkPoint({ x = '', y = '' }: JsonWebKey): Uint8Array {
  const decode = (part: string) =>
    Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
  return concatBytes(Uint8Array.of(4), decode(x), decode(y))
}

/** Public JWK of a SEC1 uncompressed point. */
export function pointJwk(point: Uint8Array): JsonWebKey {
  return { kty: 'EC', crv: 'P-256', x: toBase64url(point.slice(1, 33)), y: toBase64url(point.slice(33, 65)) }
}

function privateJwk(privateKey: Uint8Array, publicKey: Uint8Array): JsonWebKey {
  return { ...pointJwk(publicKey), d: toBase64url(privateKey) }
}
