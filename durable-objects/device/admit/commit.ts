import type { AdmitRequest } from '../admit-request.ts'
import type { Device } from '../device.ts'
import { deviceActor } from '../sql/audit-store.ts'
import { insertBundle, isComplete } from '../sql/bundle-store.ts'
import { writeDeviceChange } from '../sql/device-store.ts'
import { insertLeftOut } from '../sql/left-out-store.ts'
import type { Admission, NewBundle } from './admission.ts'
import { keepContradiction } from './contradiction.ts'
import { retired } from './keys.ts'

/** The device is another by now. */
class Outdated extends Error {}

/**
 * Writes an admission, all of it in one transaction. The bundle's row is also the audit record of it.
 *
 * @param decidedOn the device that was decided on
 * @returns false when the device is another by now: then nothing is written
 */
export function commitAdmission(
  storage: DurableObjectStorage,
  decidedOn: Device,
  { device: change, conflict, leftOut }: Extract<Admission, { kind: 'admit' }>,
  bundle: NewBundle & { receipt: Uint8Array },
  request: AdmitRequest,
): boolean {
  const { sql } = storage
  try {
    storage.transactionSync(() => {
      const isFull = (seq: number) => isComplete(sql, seq, bundle.seq)
      const olderKeys = change.olderKeys.length > 0 ? retired(change.olderKeys, isFull) : change.olderKeys
      if (!writeDeviceChange(sql, decidedOn, { ...change, olderKeys }, bundle.seq)) throw new Outdated()
      insertBundle(sql, bundle)
      if (leftOut) insertLeftOut(sql, leftOut.seqs, leftOut.counters)
      if (conflict) keepContradiction(sql, request, conflict, deviceActor(request), bundle.receivedAtMs)
    })
    return true
  } catch (error) {
    if (error instanceof Outdated) return false
    throw error
  }
}
