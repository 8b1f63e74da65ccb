import { fromBase64url } from '../../../protocol/bytes.ts'
import { parseLocalId } from '../../../protocol/ids.ts'
import { decodePayload } from '../../../protocol/payload.ts'
import { isPayment, type Payment } from '../../../protocol/payment.ts'
import type { Entry } from '../store/entry.ts'
import type { Restorable } from '../store/journal.ts'
import { type ExportedPayment, exportedPayment, type UnsyncedExport } from './export.ts'

/** A payment of an export, read. */
export interface Returning extends Restorable {
  readonly counter: number
  readonly exported: ExportedPayment
}

/** @returns undefined for an export that this version cannot read: a later one made it */
export function returningOf({ format, deviceId, payments }: UnsyncedExport): readonly Returning[] | undefined {
  if (format !== 'molam-unsynced-v1') return undefined
  const read = payments.map((payment) => returning(deviceId, payment))
  return read.every((one) => one !== undefined) ? read : undefined
}

function returning(deviceId: string, exported: ExportedPayment): Returning | undefined {
  const { localId, voided, expected = { decision: 'accepted' }, payload } = exported
  const name = parseLocalId(localId)
  if (name?.deviceId !== deviceId) return undefined
  const { counter } = name
  const payment = payload === undefined ? undefined : paymentIn(payload)
  // Only a void is anything without its terms.
  if (payment === undefined ? payload !== undefined || !voided : payment.counter !== counter) return undefined
  return { counter, payment, expected, voided, exported }
}

function paymentIn(payload: string): Payment | undefined {
  try {
    const entry = decodePayload(fromBase64url(payload)).entries[0]
    return entry !== undefined && isPayment(entry) ? entry : undefined
  } catch {
    return undefined
  }
}

/** Whether what is here is this payment, or what is left of writing it. A void that was decided here stands. */
export function isSame(deviceId: string, entry: Entry, { payment, voided, exported }: Returning): boolean {
  if (entry.payment === undefined || payment === undefined) return entry.voided && voided
  return exportedPayment(deviceId, entry).payload === exported.payload
}
