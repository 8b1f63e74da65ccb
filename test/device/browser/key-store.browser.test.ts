import { describe, expect, it } from 'vitest'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { browserKeyStore, indexedDbStorage } from '../../../src/device/browser/index.ts'
import { fillDisk, freshName, kidOf, replaceKeys, storedKeys } from './kit.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const KID = '0011223344556677'

describe('the keys', () => {
  it('cannot be exported in any form', async () => {
    const name = freshName()
    await browserKeyStore(name).create()
    const { signing, atRest } = await storedKeys(name)
    for (const key of [signing.privateKey, atRest]) {
      expect(key.extractable).toBe(false)
      for (const format of ['jwk', 'pkcs8', 'raw'] as const) {
        await expect(crypto.subtle.exportKey(format as 'jwk', key)).rejects.toMatchObject({ name: expect.any(String) })
      }
    }
  })

  it('are stored before the public key is told, and are the same when the store is opened again', async () => {
    const name = freshName()
    const key = await browserKeyStore(name).create()
    const again = browserKeyStore(name)
    expect(await again.publicKey()).toEqual(key)
    expect(await again.create()).toEqual(key)
    const loaded = await again.load()
    if (loaded.status !== 'ready') throw new Error(loaded.status)
    const verifier = await webCryptoSuite.verifier(key)
    // Half of what WebCrypto signs is high-S, which the verifier refuses.
    for (let i = 0; i < 20; i++) {
      const signature = await loaded.signer.sign(bytes(`message ${i}`))
      expect(await verifier.verify(bytes(`message ${i}`), signature)).toBe(true)
    }
  })

  it('are made once, by whichever of ten tabs was first', async () => {
    const name = freshName()
    const made = await Promise.all(Array.from({ length: 10 }, () => browserKeyStore(name).create()))
    const first = made[0]
    for (const key of made) expect(key).toEqual(first)
    expect(await browserKeyStore(name).publicKey()).toEqual(first)
  })

  it('are never made again where there were some: enrolled, or records that only they open', async () => {
    const enrolled = freshName()
    const store = browserKeyStore(enrolled)
    await store.create()
    const kid = await kidOf(enrolled)
    await store.rememberEnrolled({ deviceId: 'POS-001', apiUrl: 'https://edge.test', kid })
    await replaceKeys(enrolled, undefined)
    await expect(store.create()).rejects.toMatchObject({ code: 'key_missing', money: 'unread' })
    expect(await store.load()).toEqual({ status: 'missing' })

    const used = freshName()
    await (await indexedDbStorage(used)).setItem('molam/POS-001/payment/1', 'sealed')
    await expect(browserKeyStore(used).create()).rejects.toMatchObject({ code: 'key_missing' })
  })

  it('that a copied profile lost the inside of are missing, and are not made again', async () => {
    const name = freshName()
    await browserKeyStore(name).create()
    await replaceKeys(name, { signing: null, atRest: null })
    expect(await browserKeyStore(name).load()).toEqual({ status: 'missing' })
    await expect(browserKeyStore(name).create()).rejects.toMatchObject({ code: 'key_missing' })
  })

  it('are not stored when the disk is full, and then nobody is told a public key', async () => {
    const name = freshName()
    const store = browserKeyStore(name)
    const full = fillDisk('add')
    await expect(store.create()).rejects.toMatchObject({ name: 'AbortError' })
    full.restore()
    expect(await store.publicKey()).toBeUndefined()
  })
})

describe('who the browser is', () => {
  it('is told to no other device, and with no other key', async () => {
    const name = freshName()
    const store = browserKeyStore(name)
    await expect(store.rememberEnrolled({ deviceId: 'A', apiUrl: 'https://a.test', kid: KID })).rejects.toMatchObject({
      code: 'key_missing',
    })
    await store.create()
    await expect(store.rememberEnrolled({ deviceId: 'A', apiUrl: 'https://a.test', kid: KID })).rejects.toMatchObject({
      code: 'key_mismatch',
    })
    const kid = await kidOf(name)
    await store.rememberEnrolled({ deviceId: 'A', apiUrl: 'https://a.test', kid })
    await expect(store.rememberEnrolled({ deviceId: 'B', apiUrl: 'https://a.test', kid })).rejects.toMatchObject({
      code: 'key_mismatch',
    })
    expect(await store.enrolled()).toEqual({ deviceId: 'A', apiUrl: 'https://a.test', kid })
  })
})

describe('encryption at rest', () => {
  it('opens what it sealed, under the same name, also after reopening', async () => {
    const name = freshName()
    const store = browserKeyStore(name)
    await store.create()
    const sealed = await store.atRest.seal(bytes('2500 XOF'), bytes('payment/1'))
    const again = browserKeyStore(name).atRest
    expect(await again.open(sealed, bytes('payment/1'))).toEqual(bytes('2500 XOF'))
    expect(await again.open(sealed, bytes('payment/2'))).toBeUndefined()
    expect(await again.seal(bytes('2500 XOF'), bytes('payment/1'))).not.toEqual(sealed)
    for (let at = 0; at < sealed.length; at++) {
      const bent = sealed.with(at, (sealed[at] ?? 0) ^ 1)
      expect(await again.open(bent, bytes('payment/1'))).toBeUndefined()
      expect(await again.open(sealed.slice(0, at), bytes('payment/1'))).toBeUndefined()
    }
  })

  it('seals nothing and opens nothing without its key, and goes on once the device has one', async () => {
    const name = freshName()
    const store = browserKeyStore(name)
    await expect(store.atRest.seal(bytes('x'), bytes('k'))).rejects.toMatchObject({ code: 'key_missing' })
    expect(await store.atRest.open(bytes('x'.repeat(40)), bytes('k'))).toBeUndefined()
    await store.create()
    const sealed = await store.atRest.seal(bytes('x'), bytes('k'))
    expect(await store.atRest.open(sealed, bytes('k'))).toEqual(bytes('x'))
  })
})
