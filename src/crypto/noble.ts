import { p256 } from '@noble/curves/nist.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256 } from '@panva/hpke-noble'
import * as HPKE from 'hpke'
import { ES256 } from '../protocol/cose.ts'
import { type CryptoSuite, InvalidKey } from './suite.ts'

/** Where fresh bytes come from; a device passes its own. */
export type RandomBytes = (length: number) => Uint8Array

/**
 * HPKE-7 from noble. The ephemeral key is derived (RFC 9180 §7.1.3) from injected random bytes, so that the worked
 * example of the specification can be made again.
 */
export function nobleHpke(randomBytes: RandomBytes): HPKE.CipherSuite {
  const kem = () => {
    const base = KEM_DHKEM_P256_HKDF_SHA256()
    return { ...base, GenerateKeyPair: (extractable: boolean) => base.DeriveKeyPair(randomBytes(32), extractable) }
  }
  return new HPKE.CipherSuite(kem, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
}

/** The suite on noble: plain JavaScript, for devices whose runtime has no WebCrypto (React Native, old WebViews). */
export function nobleSuite(randomBytes: RandomBytes): CryptoSuite {
  const hpke = nobleHpke(randomBytes)
  return {
    sha256: async (data) => sha256(data),

    async verifier({ alg, bytes }) {
      if (alg !== ES256 || bytes.length !== 65 || !p256.utils.isValidPublicKey(bytes, false)) {
        throw new InvalidKey('not an uncompressed P-256 point')
      }
      return {
        // noble answers false for r or s outside 1 … n-1 and throws only for a wrong length.
        verify: async (data, signature) =>
          signature.length === 64 && p256.verify(signature, data, bytes, { lowS: true }),
      }
    },

    async seal(recipient, plaintext, aad) {
      let publicKey: HPKE.Key
      try {
        publicKey = await hpke.DeserializePublicKey(recipient)
      } catch {
        throw new InvalidKey('not a P-256 point')
      }
      const { encapsulatedSecret, ciphertext } = await hpke.Seal(publicKey, plaintext, { aad })
      return { encapsulatedKey: encapsulatedSecret, ciphertext }
    },

    async open(recipient, sealed, aad) {
      try {
        return await hpke.Open(recipient.suiteKey as HPKE.Key, sealed.encapsulatedKey, sealed.ciphertext, { aad })
      } catch {
        return undefined
      }
    },

    async recipientKey(privateKey) {
      if (!p256.utils.isValidSecretKey(privateKey)) throw new InvalidKey('not a P-256 private key')
      return { suiteKey: await hpke.DeserializePrivateKey(privateKey, false) }
    },

    async es256Signer(privateKey) {
      if (!p256.utils.isValidSecretKey(privateKey)) throw new InvalidKey('not a P-256 private key')
      return {
        key: { alg: ES256, bytes: p256.getPublicKey(privateKey, false) },
        // RFC 6979 with fresh entropy mixed in: safe with a broken random source, and against fault attacks.
        sign: async (data) => p256.sign(data, privateKey, { lowS: true, extraEntropy: randomBytes(32) }),
      }
    },
  }
}
