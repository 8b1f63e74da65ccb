import { p256 } from '@noble/curves/nist.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compressKey, expandKey } from '../../src/crypto/compressed-key.ts'
import { InvalidKey } from '../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { EDDSA, ES256, PS256 } from '../../src/protocol/cose.ts'

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
const bytesOf = (x: bigint) => Uint8Array.from(Buffer.from(x.toString(16).padStart(64, '0'), 'hex'))
const scalar = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => p256.utils.isValidSecretKey(bytes))

describe('a P-256 key', () => {
  it('is compressed as noble compresses it, and comes back whole', () => {
    fc.assert(
      fc.property(scalar, (secret) => {
        const bytes = p256.getPublicKey(secret, false)
        const short = compressKey({ alg: ES256, bytes })
        expect(short).toEqual(p256.getPublicKey(secret, true))
        expect(expandKey(short ?? new Uint8Array())).toEqual({ alg: ES256, bytes })
      }),
      { numRuns: 60 },
    )
  })

  it('comes back as one that WebCrypto takes', async () => {
    const { key } = await webCryptoSuite.es256Signer(p256.utils.randomSecretKey())
    await expect(webCryptoSuite.verifier(expandKey(compressKey(key) ?? new Uint8Array()))).resolves.toBeDefined()
  })

  it('is a point or refused, as noble has it, for any x', () => {
    let refused = 0
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constantFrom(2, 3), (x, sign) => {
        const short = Uint8Array.of(sign, ...x)
        let noble: Uint8Array | undefined
        try {
          noble = p256.Point.fromBytes(short).toBytes(false)
        } catch {
          refused++
        }
        if (noble === undefined) expect(() => expandKey(short)).toThrow(InvalidKey)
        else expect(expandKey(short).bytes).toEqual(noble)
      }),
      { numRuns: 100 },
    )
    // Every second x is none of a point.
    expect(refused).toBeGreaterThan(10)
  })

  it.each([P, P + 1n, 2n ** 256n - 1n])('whose x is no coordinate is refused: %d', (x) => {
    expect(() => expandKey(Uint8Array.of(2, ...bytesOf(x)))).toThrow(InvalidKey)
  })

  it.each([
    ['uncompressed', p256.getPublicKey(p256.utils.randomSecretKey(), false)],
    ['with another sign', Uint8Array.of(4, ...new Uint8Array(32))],
    ['cut short', new Uint8Array(31)],
    ['empty', new Uint8Array()],
  ])('that is %s is refused', (_, bytes) => {
    expect(() => expandKey(bytes)).toThrow(InvalidKey)
  })
})

it('an Ed25519 key stays as it is', () => {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  expect(compressKey({ alg: EDDSA, bytes })).toEqual(bytes)
  expect(expandKey(bytes)).toEqual({ alg: EDDSA, bytes })
})

it('an RSA key has no short form', () => {
  expect(compressKey({ alg: PS256, bytes: new Uint8Array(270) })).toBeUndefined()
})
