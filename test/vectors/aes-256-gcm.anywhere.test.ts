import { AEAD_AES_256_GCM as nobleAead } from '@panva/hpke-noble'
import { AEAD_AES_256_GCM as webCryptoAead } from 'hpke'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import data from './aes-256-gcm.json' with { type: 'json' }

/** The AEAD parts that `webCryptoHpke` and `nobleHpke` are made of. A suite itself never shows its AEAD keys. */
const aeads = [
  ['webcrypto', webCryptoAead()],
  ['noble', nobleAead()],
] as const

type ValidRow = [number, string, string, string, string, string, string, string]
type TagRow = [tcId: number, comment: string, tag: string]
const valid = data.valid as ValidRow[]
const { modifiedTag } = data
const modified = modifiedTag.tests as TagRow[]

describe('Wycheproof aes_gcm, 256-bit key, 96-bit IV, 128-bit tag', () => {
  it('is this selection: 18 valid tests, 27 with a modified tag', () => {
    expect(valid).toHaveLength(18)
    expect(modified).toHaveLength(27)
    expect(new Set(valid.map(([, flag]) => flag))).toEqual(new Set(['Ktv', 'Pseudorandom', 'SpecialCase']))
  })

  describe.each(aeads)('%s', (_, aead) => {
    it.each(valid)('%i %s: seals to the published bytes, and opens', async (...row) => {
      const [key, iv, aad, msg, ct, tag] = row.slice(2).map((hex) => fromHex(hex as string)) as Bytes6
      expect(toHex(await aead.Seal(key, iv, aad, msg))).toBe(toHex(ct) + toHex(tag))
      expect(toHex(await aead.Open(key, iv, aad, new Uint8Array([...ct, ...tag])))).toBe(toHex(msg))
    })

    it.each(modified)('%i %s: does not open', async (_, __, tag) => {
      const { key, iv, aad, msg, ct } = modifiedTag
      // The rest of the vector is right: only the tag is why it does not open.
      const sealed = toHex(await aead.Seal(fromHex(key), fromHex(iv), fromHex(aad), fromHex(msg)))
      expect(sealed.slice(0, ct.length)).toBe(ct)
      expect(sealed.slice(ct.length)).not.toBe(tag)
      await expect(aead.Open(fromHex(key), fromHex(iv), fromHex(aad), fromHex(ct + tag))).rejects.toThrow()
    })
  })
})

type Bytes6 = [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
