import { encodeCbor } from '../protocol/cbor.ts'
import { EDDSA, ES256, PS256, RS256 } from '../protocol/cose.ts'
import { KEY_ID_BYTES } from '../protocol/limits.ts'
import { type CryptoSuite, InvalidKey, type PublicKey } from './suite.ts'

/** COSE_Key labels and values (RFC 9053 §7, RFC 8230 §4). */
const [KTY, CRV, X, Y] = [1, -1, -2, -3]
const [RSA_N, RSA_E] = [-1, -2]
const [OKP, EC2, RSA] = [1, 2, 3]
const [P256, ED25519] = [1, 6]
const E_65537 = Uint8Array.of(1, 0, 1)

/** The COSE key thumbprint with SHA-256, 32 bytes (RFC 9679 §4, §5). */
export function thumbprint(suite: Pick<CryptoSuite, 'sha256'>, key: PublicKey): Promise<Uint8Array> {
  return suite.sha256(thumbprintInput(key))
}

/** The key id: the first 8 bytes of the thumbprint. */
export async function keyId(suite: Pick<CryptoSuite, 'sha256'>, key: PublicKey): Promise<Uint8Array> {
  return (await thumbprint(suite, key)).slice(0, KEY_ID_BYTES)
}

/** The required members of the COSE_Key, deterministically encoded (RFC 9679 §4.1, §4.2, §4.3). */
function thumbprintInput({ alg, bytes }: PublicKey): Uint8Array {
  const members = new Map<number, number | Uint8Array>()
  switch (alg) {
    case ES256:
      if (bytes.length !== 65) throw new InvalidKey('not an uncompressed P-256 point')
      members.set(KTY, EC2).set(CRV, P256).set(X, bytes.slice(1, 33)).set(Y, bytes.slice(33, 65))
      break
    case EDDSA:
      members.set(KTY, OKP).set(CRV, ED25519).set(X, bytes)
      break
    case PS256:
    case RS256:
      members.set(KTY, RSA).set(RSA_N, bytes).set(RSA_E, E_65537)
      break
  }
  return encodeCbor(members)
}
