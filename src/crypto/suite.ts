import type { Alg } from '../protocol/cose.ts'

/**
 * The cryptography that the protocol needs, behind one interface with two implementations that pass the same contract
 * test against each other: WebCrypto (edge, reconciler, browsers) and noble (devices without it).
 */
export interface CryptoSuite {
  /** SHA-256, 32 bytes. */
  sha256(data: Uint8Array): Promise<Uint8Array>

  /**
   * Prepares a public key for verification; keep the verifier where the key is used often.
   *
   * @throws InvalidKey when the bytes are not a key of that algorithm that we accept
   */
  verifier(key: PublicKey): Promise<Verifier>

  /**
   * HPKE base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, empty info (RFC 9180).
   *
   * @param recipient SEC1 uncompressed P-256 point, 65 bytes
   * @throws InvalidKey when the recipient is not a point of the curve
   */
  seal(recipient: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Promise<SealedBytes>

  /** @returns the plaintext, or undefined when the seal does not open, for whatever reason */
  open(recipient: RecipientKey, sealed: SealedBytes, aad: Uint8Array): Promise<Uint8Array | undefined>

  /** Imports a recipient's private key: the 32-byte scalar, big-endian. */
  recipientKey(privateKey: Uint8Array): Promise<RecipientKey>

  /** A signer for ES256 from a private scalar of 32 bytes, big-endian. */
  es256Signer(privateKey: Uint8Array): Promise<Signer>
}

/** A public key and the algorithm that it was registered for; a message cannot choose another one. */
export interface PublicKey {
  readonly alg: Alg
  /**
   * - ES256: SEC1 uncompressed, 65 bytes
   * - EdDSA: the Ed25519 public key of RFC 8032, 32 bytes
   * - PS256, RS256: the modulus, big-endian, 256–512 bytes; the exponent is 65537
   */
  readonly bytes: Uint8Array
}

export interface Verifier {
  /** @returns false for every signature that does not hold, malformed ones and high-S ones included */
  verify(data: Uint8Array, signature: Uint8Array): Promise<boolean>
}

export interface Signer {
  readonly key: PublicKey
  /** ES256: raw r‖s, 64 bytes, low-S. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface SealedBytes {
  readonly encapsulatedKey: Uint8Array
  readonly ciphertext: Uint8Array
}

/** A private key that opens seals; what is inside belongs to the suite that made it. */
export interface RecipientKey {
  readonly suiteKey: unknown
}

/** The bytes are not a public key that we accept. */
export class InvalidKey extends Error {
  override name = 'InvalidKey'
}
