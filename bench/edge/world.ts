import { type DevIssuer, startDevIssuer } from '../../dev/issuer.ts'
import { type DevSecrets, newSecrets } from '../../dev/secrets.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import type { EdgeKey } from '../../src/protocol/keyset.ts'

/** What all subjects of one run share: the same keys and the same people. */
export interface World {
  readonly secrets: DevSecrets
  readonly issuer: DevIssuer
  readonly sealKey: EdgeKey
  /** An administrator's token, and another one's. */
  readonly token: string
  readonly second: string
  close(): Promise<void>
}

export async function openWorld(): Promise<World> {
  const [secrets, issuer] = await Promise.all([newSecrets(), startDevIssuer()])
  const keys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
  const sealKey = (await keys.keySet()).keys.find(({ use }) => use === 'seal')
  if (sealKey === undefined) throw new Error('no seal key')
  const token = await issuer.token('bench', ['pay_admin'])
  const second = await issuer.token('bench-2', ['pay_admin'])
  return { secrets, issuer, sealKey, token, second, close: () => issuer.close() }
}
