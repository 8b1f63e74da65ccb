import type { EdgeKey, KeySet } from '../../../protocol/keyset.ts'
import type { SyncDeps } from './sync-deps.ts'

/** The edge's keys that this device goes by: those that a notice brought, or those of the app, if they are newer. */
export const edgeKeys = ({ device, pinnedKeys }: Pick<SyncDeps, 'device' | 'pinnedKeys'>): KeySet =>
  newestKeys(device.state.keys, pinnedKeys)

export const newestKeys = (keys: KeySet, others: KeySet | undefined): KeySet =>
  others && others.version > keys.version ? others : keys

/** The key that new bundles are sealed to. */
export function sealKey(keys: KeySet): EdgeKey {
  const key = keys.keys.find(({ use, state }) => use === 'seal' && state === 'active')
  // A key set without one does not decode.
  if (key === undefined) throw new Error('no active seal key')
  return key
}
