import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nobleSuite } from '../../src/crypto/noble.ts'
import type { CryptoSuite } from '../../src/crypto/suite.ts'
import { InvalidKey } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { fromHex, toHex, utf8 } from '../../src/protocol/bytes.ts'
import { ES256 } from '../../src/protocol/cose.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const suites: Record<string, CryptoSuite> = { webcrypto: webCryptoSuite, noble: nobleSuite(random) }
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** RFC 6979 §A.2.5: the private key of the P-256 examples and its public point. */
const PRIVATE = fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721')
const PUBLIC = fromHex(
  '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
)

for (const [madeBy, maker] of Object.entries(suites)) {
  for (const [readBy, reader] of Object.entries(suites)) {
    describe(`made by ${madeBy}, read by ${readBy}`, () => {
      it('a signature verifies, and no altered message, signature or key does', async () => {
        const signer = await maker.es256Signer(PRIVATE)
        expect(toHex(signer.key.bytes)).toBe(toHex(PUBLIC))
        const verifier = await reader.verifier({ alg: ES256, bytes: PUBLIC })
        const signature = await signer.sign(utf8('sample'))
        expect(await verifier.verify(utf8('sample'), signature)).toBe(true)
        expect(await verifier.verify(utf8('sampld'), signature)).toBe(false)
        for (const at of [0, 31, 32, 63]) {
          const altered = signature.slice()
          altered[at] = (altered[at] ?? 0) ^ 1
          expect(await verifier.verify(utf8('sample'), altered)).toBe(false)
        }
        const other = await (await maker.es256Signer(random(32))).sign(utf8('sample'))
        expect(await verifier.verify(utf8('sample'), other)).toBe(false)
      })

      it('every signature has the low s, and the same signature with the high s is refused', async () => {
        const signer = await maker.es256Signer(PRIVATE)
        const verifier = await reader.verifier({ alg: ES256, bytes: PUBLIC })
        for (let i = 0; i < 16; i++) {
          const signature = await signer.sign(utf8(`message ${i}`))
          const s = BigInt(`0x${toHex(signature.slice(32))}`)
          expect(s <= N / 2n).toBe(true)
          const high = fromHex(toHex(signature.slice(0, 32)) + (N - s).toString(16).padStart(64, '0'))
          expect(await verifier.verify(utf8(`message ${i}`), high)).toBe(false)
        }
      })

      it('a seal opens with its key and AAD only', async () => {
        const key = await reader.recipientKey(PRIVATE)
        const otherKey = await reader.recipientKey(random(32))
        await fc.assert(
          fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }), async (plain, aad) => {
            const sealed = await maker.seal(PUBLIC, plain, aad)
            const opened = await reader.open(key, sealed, aad)
            expect(opened && toHex(opened)).toBe(toHex(plain))
            expect(await reader.open(otherKey, sealed, aad)).toBeUndefined()
            expect(await reader.open(key, sealed, Uint8Array.of(...aad, 0))).toBeUndefined()
            const cut = { ...sealed, ciphertext: sealed.ciphertext.slice(0, -1) }
            expect(await reader.open(key, cut, aad)).toBeUndefined()
          }),
          { numRuns: 10 },
        )
      })
    })
  }
}

describe.each(Object.entries(suites))('%s refuses bad keys', (_, suite) => {
  const off = PUBLIC.slice()
  off[64] = (off[64] ?? 0) ^ 1
  const bad: [string, Uint8Array][] = [
    ['empty', new Uint8Array()],
    ['infinity', Uint8Array.of(0)],
    ['compressed', PUBLIC.slice(0, 33)],
    ['too long', Uint8Array.of(...PUBLIC, 0)],
    ['not on the curve', off],
    ['zero point', Uint8Array.of(4, ...new Uint8Array(64))],
  ]
  it.each(bad)('public: %s', async (_name, bytes) => {
    await expect(suite.verifier({ alg: ES256, bytes })).rejects.toThrow(InvalidKey)
    await expect(suite.seal(bytes, utf8('x'), utf8(''))).rejects.toThrow(InvalidKey)
  })
  it.each([
    ['zero', new Uint8Array(32)],
    ['the order', fromHex(N.toString(16))],
    ['short', new Uint8Array(31)],
  ])('private: %s', async (_name, bytes) => {
    await expect(suite.es256Signer(bytes)).rejects.toThrow(InvalidKey)
    await expect(suite.recipientKey(bytes)).rejects.toThrow(InvalidKey)
  })
  it('an algorithm other than the registered one', async () => {
    await expect(suite.verifier({ alg: -8, bytes: PUBLIC })).rejects.toThrow(InvalidKey)
  })
})

it('the key id is the head of the COSE key thumbprint, the same in both suites', async () => {
  const ids = await Promise.all(Object.values(suites).map((suite) => keyId(suite, { alg: ES256, bytes: PUBLIC })))
  expect(new Set(ids.map(toHex)).size).toBe(1)
  expect(ids[0]).toHaveLength(8)
})

it('hashes alike', async () => {
  // FIPS 180-4 example "abc".
  for (const suite of Object.values(suites)) {
    expect(toHex(await suite.sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
  }
})
