import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import type { RefusedConsent } from '../../../src/protocol/confirmations.ts'
import { KEY_ID_BYTES } from '../../../src/protocol/limits.ts'
import type { HeldConsent } from '../consent.ts'
import type { Actor } from '../person.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { readDevice, writeRefused } from '../sql/device-store.ts'

/**
 * The ledger does not bear a consent out: a tenant has no word for a customer, the wallet is another tenant's, or a device's word is
 * none. It gives nothing from now on, the device is told so, and people see whose it was.
 *
 * Call it within a storage transaction.
 */
export function recordRefused(
  sql: SqlStorage,
  refused: readonly RefusedConsent[],
  by: Actor,
  nowMs: number,
): AuditRecord[] {
  const { consents } = readDevice(sql)
  const isNew = (one: HeldConsent) => one.refusedAtMs === undefined && refused.some((other) => isSame(one, other))
  const fresh = consents.filter(isNew)
  if (fresh.length === 0) return []
  writeRefused(
    sql,
    consents.map((one) => (isNew(one) ? { ...one, refusedAtMs: nowMs } : one)),
  )
  return fresh.map(({ thumbprint, askedBy, confirmedBy, givenAtMs }) => {
    const detail = { kid: toHex(thumbprint.subarray(0, KEY_ID_BYTES)), asked_by: askedBy, confirmed_by: confirmedBy }
    return writeAuditRecord(sql, nowMs, by, 'consent_refused', { ...detail, given_at: givenAtMs })
  })
}

const isSame = (one: HeldConsent, { thumbprint, givenAtMs }: RefusedConsent) =>
  one.givenAtMs === givenAtMs && equalBytes(one.thumbprint, thumbprint)
