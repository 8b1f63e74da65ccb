import { MINUTE_MS } from '../../protocol/time.ts'
import type { AuditRow, BundleRow } from './index-message.ts'
import { unpackAdmission, unpackSettlement } from './packed.ts'

/**
 * The audit records of a bundle's usual course, its admission and the settlement that follows within a minute, are its row,
 * said in another way: the row's triggers keep what they say from being changed. A settlement that comes later, or again,
 * has a record of its own, because it belongs to another time.
 */
export const SETTLED_SOON_MS = MINUTE_MS

type Recorded = Pick<
  BundleRow,
  'bundleId' | 'deviceId' | 'tenant' | 'seq' | 'admittedCount' | 'receivedAt' | 'admittedBy' | 'settlements'
>

/** Records that the row itself is. */
export function usualRecords(bundle: Recorded): AuditRow[] {
  return [admitted(bundle), ...settled(bundle).slice(0, isUsual(bundle) ? 1 : 0)]
}

/** Records that are written beside the row. */
export const lateRecords = (bundle: Recorded): AuditRow[] => settled(bundle).slice(isUsual(bundle) ? 1 : 0)

const isUsual = ({ settlements: [first] }: Recorded): boolean => first !== undefined && first[0] <= SETTLED_SOON_MS

function admitted({ seq, admittedCount, admittedBy, ...bundle }: Recorded): AuditRow {
  const { requestId, detail } = unpackAdmission(admittedBy)
  return {
    ...{
      id: `${bundle.deviceId}/b${seq}`,
      deviceId: bundle.deviceId,
      tenant: bundle.tenant,
      bundleId: bundle.bundleId,
    },
    ...{ at: bundle.receivedAt, actor: 'device', action: 'bundle_admitted', requestId },
    detail: { seq, admitted: admittedCount, ...detail },
  }
}

function settled({ bundleId, deviceId, tenant, seq, settlements, ...admitted }: Recorded): AuditRow[] {
  return settlements.map((packed, index) => {
    const { atMs, requestId, status, payments } = unpackSettlement(admitted, packed)
    return {
      ...{ id: `${deviceId}/b${seq}.${index + 1}`, deviceId, tenant, bundleId },
      ...{ at: atMs, actor: 'reconciler', action: 'bundle_settled', requestId },
      detail: { status, payments },
    }
  })
}
