import { newUlid } from '../protocol/ids.ts'
import type { Entry } from './entry.ts'
import { nextRun, type Outgoing, sealRun } from './outgoing.ts'
import type { SyncContext } from './sync-context.ts'
import { sealKey } from './trust.ts'

type AssembleContext = Pick<SyncContext, 'device' | 'suite' | 'randomBytes'>

/**
 * Makes the next bundle of the payments that wait and stores it. A payment that is taken meanwhile goes into the one
 * after.
 *
 * @returns undefined when nothing waits
 */
export function assemble({ device, suite, randomBytes }: AssembleContext): Promise<Outgoing | undefined> {
  return device.mutex.run(async () => {
    await device.journal.settle()
    const run = nextRun(device.journal.unsent)
    if (run.length === 0) return undefined
    const { state, clock, deviceId } = device
    const bundleId = newUlid(clock.nowMs(), randomBytes)
    const place = { deviceId, bundleId, seq: state.seq + 1, prev: state.prev }
    const extra = { clock: clock.evidence(), currency: state.policy.currency }
    const { digest, ...sealed } = await sealRun(suite, place, sealKey(state.keys), run, extra)
    const outgoing = { ...sealed, digests: [digest] }
    await device.putOutgoing(outgoing)
    return outgoing
  })
}

/** @returns whether the bundle in flight could be sealed again: all its payments must still be whole */
export function sealAgain({ device, suite }: AssembleContext, bundle: Outgoing): Promise<boolean> {
  return device.mutex.run(async () => {
    const run: Entry[] = []
    for (let counter = bundle.firstCounter; counter <= bundle.lastCounter; counter++) {
      const entry = device.journal.entry(counter)
      if (entry === undefined) return false
      run.push(entry)
    }
    const { state, clock, deviceId } = device
    const { bundleId, seq, prev, digests } = bundle
    const extra = { clock: clock.evidence(), currency: state.policy.currency }
    const place = { deviceId, bundleId, seq, prev }
    const { digest, ...sealed } = await sealRun(suite, place, sealKey(state.keys), run, extra)
    await device.putOutgoing({ ...sealed, digests: [...digests, digest] })
    return true
  })
}
