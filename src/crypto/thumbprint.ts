import { encodeCbor } from '../protocol/cbor.ts'
import { ES256 } from '../protocol/cose.ts'
import { KEY_ID_BYTES } from '../protocol/limits.ts'
import { type CryptoSuite, InvalidKey, type PublicKey } from './suite.ts'

/** COSE_Key labels and values (RFC 9053 §7.1). */
const [KTY, CRV, X, Y] = [1, -1, -2, -3]
const [EC2, P256] = [2, 1]

/** The key id: the first 8 bytes of the COSE key thumbprint with SHA-256 (RFC 9679 §4, §5). */
export async function keyId(suite: Pick<CryptoSuite, 'sha256'>, key: PublicKey): Promise<Uint8Array> {
  return (await suite.sha256(thumbprintInput(key))).slice(0, KEY_ID_BYTES)
}

/** The required members of the COSE_Key, deterministically encoded (RFC 9679 §4.2). */
export function thumbprintInput({ alg, bytes }: PublicKey): Uint8Array {
  if (alg !== ES256 || bytes.length !== 65) throw new InvalidKey('only P-256 keys')
  return encodeCbor(
    new Map<number, number | Uint8Array>([
      [KTY, EC2],
      [CRV, P256],
      [X, bytes.slice(1, 33)],
      [Y, bytes.slice(33, 65)],
    ]),
  )
}
