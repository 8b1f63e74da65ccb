import { signSign1 } from '../../crypto/sign1.ts'
import { toBase64url } from '../../protocol/bytes.ts'
import type { SignedKind } from '../../protocol/cose.ts'
import { encodePayerHeader } from '../../protocol/payer-header.ts'
import { loadSigner, type SyncDeps, signing } from './sync/sync-deps.ts'

/**
 * Signs what the holder of this device's wallet says: an answer to a claim (claims.ts), a mandate (mandate.ts).
 *
 * @returns base64url of the COSE_Sign1
 * @throws OfflineError `key_missing`, `key_locked`, `key_mismatch`
 */
export async function signHoldersWord(deps: SyncDeps, payload: Uint8Array, kind: SignedKind): Promise<string> {
  const loaded = await loadSigner(deps)
  if (!loaded.ok) throw loaded.error.error
  const { signer, kid } = loaded.value
  const header = encodePayerHeader({ alg: signer.key.alg, kid, deviceId: deps.device.deviceId })
  const signed = await signing(() => signSign1(signer, header, payload, kind))
  if (!signed.ok) throw signed.error.error
  return toBase64url(signed.value)
}
