import type { AdmitRequest } from '../admit-request.ts'
import { deviceActor, writeAuditRecord } from '../sql/audit-store.ts'
import { insertBundle, isComplete } from '../sql/bundle-store.ts'
import { readRowVersion, writeDeviceChange } from '../sql/device-store.ts'
import type { Admission, NewBundle } from './admission.ts'
import { keepContradiction } from './contradiction.ts'
import { retired } from './keys.ts'

/**
 * Writes an admission, all of it in one transaction.
 *
 * @param rowVersion of the device that was decided on
 * @returns false when the device is another by now: then nothing is written
 */
export function commitAdmission(
  storage: DurableObjectStorage,
  rowVersion: number,
  { device: change, holes, conflict }: Extract<Admission, { kind: 'admit' }>,
  bundle: NewBundle & { receipt: Uint8Array },
  request: AdmitRequest,
): boolean {
  const { sql } = storage
  return storage.transactionSync(() => {
    if (readRowVersion(sql) !== rowVersion) return false
    insertBundle(sql, bundle)
    const isFull = (seq: number) => isComplete(sql, seq)
    const olderKeys = change.olderKeys.length > 0 ? retired(change.olderKeys, isFull) : change.olderKeys
    writeDeviceChange(sql, { ...change, olderKeys }, bundle.seq)
    const detail = {
      seq: bundle.seq,
      status: bundle.status,
      admitted: bundle.admittedCount,
      ...(holes > 0 && { holes }),
      ...(request.claims.relay && { carried_by: request.carrier ?? 'unknown' }),
    }
    const [by, atMs] = [deviceActor(request), bundle.receivedAtMs]
    writeAuditRecord(sql, atMs, by, 'bundle_admitted', detail, bundle.bundleId)
    if (conflict) keepContradiction(sql, request, conflict, by, atMs)
    return true
  })
}
