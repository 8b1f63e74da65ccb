import { shake128 } from '@noble/hashes/sha3.js'
import * as HPKE from 'hpke'
import { describe, expect, it } from 'vitest'
import { nobleHpke, nobleSuite } from '../../src/crypto/noble.ts'
import { webCryptoHpke, webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import vector from './hpke-p256-sha256-aes256gcm.json' with { type: 'json' }

const info = fromHex(vector.info)
const ikmE = () => fromHex(vector.ikmE)
const [aad, pt, ct] = [vector.encryption.aad, vector.encryption.pt, vector.encryption.ct].map(fromHex) as Bytes3
type Bytes3 = [Uint8Array, Uint8Array, Uint8Array]

/** The parts of `webCryptoHpke`, with the vector's ephemeral key; `nobleHpke` has the seam for it. */
const webCryptoSender = new HPKE.CipherSuite(
  () => {
    const kem = HPKE.KEM_DHKEM_P256_HKDF_SHA256()
    return { ...kem, GenerateKeyPair: (extractable: boolean) => kem.DeriveKeyPair(ikmE(), extractable) }
  },
  HPKE.KDF_HKDF_SHA256,
  HPKE.AEAD_AES_256_GCM,
)

/** The suites fix `info` to empty and the vectors carry one, so they run on the HPKE that each suite exports. */
const implementations = [
  ['webcrypto', webCryptoSender, webCryptoHpke, webCryptoSuite],
  ['noble', nobleHpke(ikmE), nobleHpke(ikmE), nobleSuite(ikmE)],
] as const

describe.each(implementations)('RFC 9180, base mode, P-256, AES-256-GCM: %s', (_, sender, recipient, suite) => {
  /** Imported as the edge imports its own key. */
  const recipientKey = async () => (await suite.recipientKey(fromHex(vector.skRm))).suiteKey as HPKE.CryptoKey
  const open = async (enc: Uint8Array, sealed: Uint8Array, options: { info: Uint8Array; aad: Uint8Array }) =>
    recipient.Open(await recipientKey(), enc, sealed, options)

  it('is the suite that the vector is for', () => {
    for (const hpke of [sender, recipient]) {
      expect([hpke.KEM.id, hpke.KDF.id, hpke.AEAD.id]).toEqual([vector.kem_id, vector.kdf_id, vector.aead_id])
    }
  })

  it('derives the published key pair', async () => {
    const { publicKey } = await recipient.DeriveKeyPair(fromHex(vector.ikmR), true)
    expect(toHex(await recipient.SerializePublicKey(publicKey as HPKE.CryptoKey))).toBe(vector.pkRm)
  })

  it('seals to the published encapsulated key and ciphertext', async () => {
    const publicKey = (await sender.DeserializePublicKey(fromHex(vector.pkRm))) as HPKE.CryptoKey
    const sealed = await sender.Seal(publicKey, pt, { info, aad })
    expect(toHex(sealed.encapsulatedSecret)).toBe(vector.enc)
    expect(toHex(sealed.ciphertext)).toBe(vector.encryption.ct)
  })

  it('opens the published ciphertext, and not with anything altered', async () => {
    const enc = fromHex(vector.enc)
    expect(toHex(await open(enc, ct, { info, aad }))).toBe(vector.encryption.pt)
    // The negative of the encapsulated point is on the curve too, and has the same x.
    await expect(open(negated(enc), ct, { info, aad })).rejects.toThrow()
    await expect(open(altered(enc, 64), ct, { info, aad })).rejects.toThrow()
    await expect(open(enc, altered(ct, 0), { info, aad })).rejects.toThrow()
    await expect(open(enc, altered(ct, ct.length - 1), { info, aad })).rejects.toThrow()
    await expect(open(enc, ct.slice(0, -1), { info, aad })).rejects.toThrow()
    await expect(open(enc, ct, { info: altered(info, 0), aad })).rejects.toThrow()
    await expect(open(enc, ct, { info, aad: altered(aad, 0) })).rejects.toThrow()
  })

  it('does not open under the empty info of the protocol: to the suite it is a seal that does not open', async () => {
    const sealed = { encapsulatedKey: fromHex(vector.enc), ciphertext: ct }
    const key = await suite.recipientKey(fromHex(vector.skRm))
    expect(await suite.open(key, sealed, aad)).toBeUndefined()
  })

  it('seals 1000 messages of a context to the published hash, and opens each', async () => {
    const publicKey = (await sender.DeserializePublicKey(fromHex(vector.pkRm))) as HPKE.CryptoKey
    const from = await sender.SetupSender(publicKey, { info })
    const to = await recipient.SetupRecipient(await recipientKey(), from.encapsulatedSecret, { info })
    const [source, sink] = [shake128.create({}), shake128.create({ dkLen: 16 })]
    // As golang/go's `drawRandomInput`: a length of one byte, then that many bytes.
    const draw = () => source.xof(source.xof(1)[0] ?? 0)
    for (let i = 0; i < vector.accumulated.rounds; i++) {
      const [drawnAad, plaintext] = [draw(), draw()]
      const sealed = await from.ctx.Seal(plaintext, drawnAad)
      sink.update(sealed)
      expect(toHex(await to.Open(sealed, drawnAad))).toBe(toHex(plaintext))
    }
    expect(toHex(sink.digest())).toBe(vector.accumulated.encryptions)
  })
})

function altered(bytes: Uint8Array, at: number): Uint8Array {
  const out = bytes.slice()
  out[at] = (out[at] ?? 0) ^ 1
  return out
}

function negated(point: Uint8Array): Uint8Array {
  const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
  const y = (p - BigInt(`0x${toHex(point.slice(33))}`)).toString(16).padStart(64, '0')
  return fromHex(toHex(point.slice(0, 33)) + y)
}
