import { ES256 } from '../protocol/cose.ts'
import type { KeyProvider } from './key-provider.ts'
import type { TrustedKey } from './sign1.ts'
import { webCryptoSuite } from './webcrypto.ts'

/**
 * The edge's receipt keys with their verifiers, retired ones too: what they signed while they were in use may still wait
 * somewhere, be owed, or hold on, as policies do. A key that somebody else may have is taken off the list.
 */
export async function trustedReceiptKeys(keys: KeyProvider): Promise<readonly TrustedKey[]> {
  const { keys: all } = await keys.keySet()
  const receiptKeys = all.filter(({ use }) => use === 'receipt')
  return Promise.all(
    receiptKeys.map(async ({ kid, publicKey }) => ({
      kid,
      alg: ES256,
      verifier: await webCryptoSuite.verifier({ alg: ES256, bytes: publicKey }),
    })),
  )
}
