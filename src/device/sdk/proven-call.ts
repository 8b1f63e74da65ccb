import { utf8 } from '../../protocol/bytes.ts'
import { OfflineError } from './errors.ts'
import { deviceProof } from './sync/notices.ts'
import type { SyncDeps } from './sync/sync-deps.ts'

/**
 * A request that the device proves itself for. A wrong clock is normal after a flat battery, so one that the edge refused for it is made
 * again by the edge's time.
 *
 * @returns the body of the answer
 * @throws OfflineError for whatever keeps it from an answer of 200, and `key_missing`, `key_locked`, `key_mismatch`
 */
export async function provenCall(deps: SyncDeps, path: string, body: object): Promise<Uint8Array> {
  const { device, transport } = deps
  const bytes = utf8(JSON.stringify(body))
  const send = async () => {
    const proof = await deviceProof(deps, 'POST', path, bytes)
    if (!proof.ok) throw proof.error.error
    return transport.postBytes(path, bytes, { Authorization: proof.value.authorization })
  }
  let answer = await send()
  if (answer.kind === 'problem' && answer.serverTimeMs !== undefined) {
    if (device.clock.learnForSigning(answer.serverTimeMs)) answer = await send()
  }
  if (answer.kind !== 'ok') throw new OfflineError(answer.code)
  return answer.body
}
