import type { EnrolmentCode } from '../enrolment/code.ts'

export function codeInsert(db: D1Database, code: EnrolmentCode): D1PreparedStatement {
  const { id, deviceId, codeHash, country, tenant, sealedWallet, createdAtMs, expiresAtMs, createdBy } = code
  return db
    .prepare(
      `INSERT INTO offline_enrolment_codes (id, device_id, code_hash, country, tenant, sealed_wallet, created_at,
        expires_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(id, deviceId, codeHash, country, tenant, sealedWallet, createdAtMs, expiresAtMs, createdBy)
}

/** The code of a device that counts: the latest. Whether it was used the Device Object knows. */
export async function latestCode(db: D1Database, deviceId: string): Promise<EnrolmentCode | undefined> {
  const row = await db
    .prepare(
      `SELECT id, device_id AS deviceId, code_hash AS codeHash, country, tenant, sealed_wallet AS sealedWallet,
        created_at AS createdAtMs, expires_at AS expiresAtMs, created_by AS createdBy
        FROM offline_enrolment_codes WHERE device_id = ? ORDER BY id DESC LIMIT 1`,
    )
    .bind(deviceId)
    .first<Omit<EnrolmentCode, 'sealedWallet'> & { sealedWallet: ArrayBuffer }>()
  return row === null ? undefined : { ...row, sealedWallet: new Uint8Array(row.sealedWallet) }
}
