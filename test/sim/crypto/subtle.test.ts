import { expect, test } from 'vitest'
import { type Curve, realCurve, standInCurve } from '../../../sim/crypto/curve.ts'
import { simulatedSubtle } from '../../../sim/crypto/subtle.ts'
import { Random } from '../../../sim/time/random.ts'

const random = new Random(1)
const bytes = (length: number) => random.bytes(length)
const simulated = (curve: Curve) => simulatedSubtle(curve, bytes)
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGN = { name: 'ECDSA', hash: 'SHA-256' }

test.each([0, 1, 31, 32, 64, 65, 200])(
  'what is computed with a secret of %i bytes is what the platform computes',
  async (length) => {
    const [secret, data] = [bytes(length), bytes(300)]
    const answers = await Promise.all(
      [crypto.subtle, simulated(standInCurve())].map(async (subtle) => {
        const digests = await Promise.all(['SHA-256', 'SHA-384', 'SHA-512'].map((hash) => subtle.digest(hash, data)))
        if (length === 0) return digests.map((digest) => new Uint8Array(digest))
        const key = await subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
        const mac = await subtle.sign('HMAC', key, data)
        expect(await subtle.verify('HMAC', key, mac, data)).toBe(true)
        expect(await subtle.verify('HMAC', key, mac, data.subarray(1))).toBe(false)
        expect(await subtle.verify('HMAC', key, mac.slice(1), data)).toBe(false)
        return [...digests, mac].map((digest) => new Uint8Array(digest))
      }),
    )
    expect(answers[1]).toEqual(answers[0])
  },
)

test('what is sealed opens with the same key and the same additional data only', async () => {
  const [iv, additionalData, data, secret] = [bytes(12), bytes(20), bytes(100), bytes(32)]
  const gcm = { name: 'AES-GCM', iv, additionalData }
  const keys = [crypto.subtle, simulated(standInCurve())].map(async (subtle) => ({
    subtle,
    key: await subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt', 'decrypt']),
  }))
  const [platform, own] = await Promise.all(keys)
  if (platform === undefined || own === undefined) throw new Error('two of them')
  const sealed = await own.subtle.encrypt(gcm, own.key, data)
  expect(new Uint8Array(await platform.subtle.decrypt(gcm, platform.key, sealed))).toEqual(data)
  expect(new Uint8Array(await own.subtle.decrypt(gcm, own.key, sealed))).toEqual(data)
  const wrong = { ...gcm, additionalData: bytes(20) }
  await expect(own.subtle.decrypt(wrong, own.key, sealed)).rejects.toThrow('does not open')
})

test.each([
  ['stand-in', standInCurve()],
  ['real', realCurve],
])('%s: only the holder signs, both holders share a secret, and a point is not made up', async (_, curve) => {
  const subtle = simulated(curve)
  const pair = async (name: string, usages: KeyUsage[]) =>
    (await subtle.generateKey({ name, namedCurve: 'P-256' }, true, usages)) as CryptoKeyPair
  const [own, other] = [await pair('ECDSA', ['sign', 'verify']), await pair('ECDSA', ['sign', 'verify'])]
  const data = bytes(50)
  const signature = await subtle.sign(SIGN, own.privateKey, data)
  expect(await subtle.verify(SIGN, own.publicKey, signature, data)).toBe(true)
  expect(await subtle.verify(SIGN, other.publicKey, signature, data)).toBe(false)
  expect(await subtle.verify(SIGN, own.publicKey, signature, data.subarray(1))).toBe(false)
  const altered = new Uint8Array(signature.slice(0))
  altered[40] = (altered[40] ?? 0) ^ 1
  expect(await subtle.verify(SIGN, own.publicKey, altered, data)).toBe(false)

  const [a, b] = [await pair('ECDH', ['deriveBits']), await pair('ECDH', ['deriveBits'])]
  const shared = (mine: CryptoKeyPair, theirs: CryptoKeyPair) =>
    subtle.deriveBits({ name: 'ECDH', public: theirs.publicKey }, mine.privateKey, 256)
  expect(await shared(a, b)).toEqual(await shared(b, a))

  const point = new Uint8Array(await subtle.exportKey('raw', own.publicKey))
  await subtle.importKey('raw', point, ECDSA, true, ['verify'])
  const jwk = await subtle.exportKey('jwk', own.privateKey)
  const again = await subtle.importKey('jwk', jwk, ECDSA, false, ['sign'])
  expect(await subtle.verify(SIGN, own.publicKey, await subtle.sign(SIGN, again, data), data)).toBe(true)
  point[64] = (point[64] ?? 0) ^ 1
  await expect(subtle.importKey('raw', point, ECDSA, true, ['verify'])).rejects.toThrow('not a point')
  await expect(subtle.importKey('raw', point.subarray(1), ECDSA, true, ['verify'])).rejects.toThrow('not a point')
})
