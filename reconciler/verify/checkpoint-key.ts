import { type CryptoKey, importJWK, type JWK } from 'jose'
import { InvalidConfig } from '../config.ts'

/** The keys of checkpoints, from a JWK. @throws InvalidConfig that never shows the value */
export async function checkpointKeys(text: string): Promise<{ readonly verify: CryptoKey; readonly sign?: CryptoKey }> {
  try {
    const { kty, crv, x, y, d } = JSON.parse(text) as JWK & { crv?: string; x?: string; y?: string; d?: string }
    if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined)
      throw new TypeError('not an EC key on P-256')
    const point = { kty, crv, x, y }
    const verify = (await importJWK(point, 'ES256')) as CryptoKey
    return d === undefined ? { verify } : { verify, sign: (await importJWK({ ...point, d }, 'ES256')) as CryptoKey }
  } catch {
    throw new InvalidConfig('CHECKPOINT_KEY is not valid (a JWK, EC on P-256)')
  }
}
