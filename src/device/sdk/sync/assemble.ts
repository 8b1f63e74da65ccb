import { newUlid } from '../../../protocol/ids.ts'
import { OfflineError } from '../errors.ts'
import type { Entry } from '../store/entry.ts'
import { nextRun, type Outgoing, sealRun } from '../store/outgoing.ts'
import { edgeKeys, sealKey } from './edge-keys.ts'
import type { SyncDeps } from './sync-deps.ts'

export type AssembleDeps = Pick<SyncDeps, 'device' | 'suite' | 'randomBytes' | 'pinnedKeys'>

/**
 * The bundle in flight, or the next one, made of the payments that wait and stored. A payment that is taken meanwhile
 * goes into the one after.
 *
 * @returns undefined when nothing waits
 */
export function nextBundle(deps: AssembleDeps): Promise<Outgoing | undefined> {
  const { device, suite, randomBytes } = deps
  return device.change(async () => {
    // Sealed now, it could tell another story than the bundle whose record is lost.
    if (device.chainInDoubt) throw new OfflineError('chain_in_doubt')
    if (device.outgoing !== undefined) return device.outgoing
    await device.journal.undoFailedWrites()
    const run = nextRun(device.unsent)
    if (run.length === 0) return undefined
    const { state, clock, deviceId } = device
    const bundleId = newUlid(clock.nowMs(), randomBytes)
    const place = { deviceId, bundleId, seq: state.seq + 1, prev: state.prev }
    const extra = { countedMs: clock.countedMs(), currency: state.policy.currency }
    const { digest, ...sealed } = await sealRun(suite, place, sealKey(edgeKeys(deps)), run, extra)
    const outgoing = { ...sealed, digests: [digest] }
    await device.putOutgoing(outgoing)
    return outgoing
  })
}

/** @returns whether the bundle in flight could be sealed again: all its payments must still be whole */
export function sealAgain(deps: AssembleDeps, bundle: Outgoing): Promise<boolean> {
  const { device, suite } = deps
  return device.change(async () => {
    const run: Entry[] = []
    for (let counter = bundle.firstCounter; counter <= bundle.lastCounter; counter++) {
      const entry = device.journal.entry(counter)
      if (entry === undefined) return false
      run.push(entry)
    }
    const { state, clock, deviceId } = device
    const { bundleId, seq, prev, digests } = bundle
    const extra = { countedMs: clock.countedMs(), currency: state.policy.currency }
    const place = { deviceId, bundleId, seq, prev }
    const { digest, ...sealed } = await sealRun(suite, place, sealKey(edgeKeys(deps)), run, extra)
    await device.putOutgoing({ ...sealed, digests: [...digests, digest] })
    return true
  })
}
