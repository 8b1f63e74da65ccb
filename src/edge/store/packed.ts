import type { AdmittedBy, Settlement } from '../../../durable-objects/device/bundle.ts'
import type { RiskBasis } from '../../risk/judge.ts'

/**
 * Columns of a bundle's row as the read model keeps them: lists, with the usual left out. A row stands there for each push,
 * and D1 takes 10 GB. Pure.
 */

/** The whole of it where there is more to say than who scored. */
export type PackedRisk = readonly [scoredBy: RiskBasis['scoredBy'], version: string] | RiskBasis

export function packRisk(score: number, basis: RiskBasis): PackedRisk {
  const { shared, payments, reasons, fallback, scoredBy, version } = basis
  const isUsual = shared === score && payments.length === 0 && reasons.length === 0 && fallback === undefined
  return isUsual ? [scoredBy, version] : basis
}

export function unpackRisk(score: number, packed: PackedRisk): RiskBasis {
  if (!('length' in packed)) return packed
  const [scoredBy, version] = packed
  return { shared: score, payments: [], reasons: [], scoredBy, version }
}

export type PackedAdmission = readonly [requestId: string, detail?: AdmittedBy['detail']]

export function packAdmission({ requestId, detail }: AdmittedBy): PackedAdmission {
  const isUsual = detail['status'] === 'pushed' && Object.keys(detail).length === 1
  return isUsual ? [requestId] : [requestId, detail]
}

export function unpackAdmission([requestId, detail = { status: 'pushed' }]: PackedAdmission): AdmittedBy {
  return { requestId, detail }
}

/** A settlement is usual when every payment that was admitted got its end by it, and a good one. */
export type PackedSettlement = readonly [
  /** How long after the bundle was received. */
  afterMs: number,
  requestId: Settlement['requestId'],
  status?: Settlement['status'],
  payments?: number,
]

/** What of a bundle never changes, and its settlements are packed by. */
interface Admitted {
  readonly receivedAt: number
  readonly admittedCount: number
}

export function packSettlement({ receivedAt, admittedCount }: Admitted, settlement: Settlement): PackedSettlement {
  const { atMs, requestId, status, payments } = settlement
  const isUsual = status === 'accepted' && payments === admittedCount
  return isUsual ? [atMs - receivedAt, requestId] : [atMs - receivedAt, requestId, status, payments]
}

export function unpackSettlement({ receivedAt, admittedCount }: Admitted, packed: PackedSettlement): Settlement {
  const [afterMs, requestId, status = 'accepted', payments = admittedCount] = packed
  return { atMs: receivedAt + afterMs, requestId, status, payments }
}
