import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'

/**
 * Signed bundles in the bucket, named by the SHA-256 of their bytes: the same bytes again are the same thing, and others are found
 * out. What is sealed in them stays sealed.
 */
export type BundleBucket = Pick<R2Bucket, 'put' | 'get'>

const nameOf = (hash: Uint8Array): string => `bundles/${toHex(hash)}`

/** @returns their SHA-256, once the bucket has them @throws what the bucket throws, and when it took something else */
export async function putBytes(bucket: BundleBucket, bytes: Uint8Array): Promise<Uint8Array> {
  const hash = await webCryptoSuite.sha256(bytes)
  // The bucket compares, too, before it takes them.
  const put = await bucket.put(nameOf(hash), bytes, { sha256: hash })
  if (put?.size !== bytes.length) throw new Error('the bucket took something else')
  return hash
}

/** @returns undefined when they are not there, or are others @throws what the bucket throws */
export async function getBytes(bucket: BundleBucket, hash: Uint8Array): Promise<Uint8Array | undefined> {
  const found = await bucket.get(nameOf(hash))
  if (found === null) return undefined
  const bytes = new Uint8Array(await found.arrayBuffer())
  return equalBytes(await webCryptoSuite.sha256(bytes), hash) ? bytes : undefined
}
