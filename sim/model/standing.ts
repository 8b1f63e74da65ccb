import { toHex } from '../../src/protocol/bytes.ts'
import { isAwaited, isBorneOut } from './registry.ts'
import type { ModelState } from './state.ts'
import { walletState } from './wallet-state.ts'

/** Whether what a device signed is its wallet's holder's word, by the facts that the model has, or whether the edge had later ones. */
export function standingOf(
  state: ModelState,
  { deviceId, kid, factsRev = 0 }: { readonly deviceId: string; readonly kid: string; readonly factsRev?: number },
  atMs: number,
): 'holder' | 'nobody' | 'awaited' {
  const device = state.devices.get(deviceId)
  if (device === undefined || device.rev < factsRev) return 'awaited'
  const { ownerWallet, tenant, keys } = device
  const isStopped = device.status !== 'active' || keys.get(kid)?.state === 'revoked'
  if (isStopped || walletState(state, ownerWallet, tenant) !== 'known') return 'nobody'
  const standing = [...device.consents.values()].filter(
    (one) =>
      isBorneOut(state, device, one) &&
      toHex(one.thumbprint).startsWith(kid) &&
      atMs <= one.untilMs &&
      one.withdrawnAtMs === null,
  )
  if (standing.length === 0) return 'nobody'
  return standing.some((one) => !isAwaited(state, one)) ? 'holder' : 'awaited'
}
