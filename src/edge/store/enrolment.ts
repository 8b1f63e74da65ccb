import { macHolds, macOf } from '../../crypto/mac.ts'
import { configOf } from '../config.ts'
import { codeFields, type EnrolmentCode } from '../enrolment/code.ts'
import type { Env } from '../env.ts'
import { alarm } from '../metrics/alarm.ts'

/** Enrolment codes in D1, each with a MAC: whoever can write there must not register devices, for wallets of his choice. */
type Settings = Pick<Env, 'DB'>

export async function codeInsert(env: Settings, code: EnrolmentCode): Promise<D1PreparedStatement> {
  const { id, deviceId, codeHash, country, tenant, sealedWallet, createdAtMs, expiresAtMs, createdBy } = code
  const mac = await macOf(await configOf(env).macKey('enrolment_code'), codeFields(code))
  return env.DB.prepare(
    `INSERT INTO offline_enrolment_codes (id, device_id, code_hash, country, tenant, sealed_wallet, created_at,
      expires_at, created_by, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).bind(id, deviceId, codeHash, country, tenant, sealedWallet, createdAtMs, expiresAtMs, createdBy, mac)
}

/** Rows of a device that are looked through, so that a wrong one hides none that we wrote. */
const ROWS_MAX = 8

/** The code of a device that counts: the latest that we wrote. Whether it was used the Device Object knows. */
export async function latestCode(env: Settings, deviceId: string): Promise<EnrolmentCode | undefined> {
  const { results } = await env.DB.prepare(
    `SELECT id, device_id AS deviceId, code_hash AS codeHash, country, tenant, sealed_wallet AS sealedWallet,
      created_at AS createdAtMs, expires_at AS expiresAtMs, created_by AS createdBy, mac
      FROM offline_enrolment_codes WHERE device_id = ? ORDER BY id DESC LIMIT ?`,
  )
    .bind(deviceId, ROWS_MAX)
    .all<Omit<EnrolmentCode, 'sealedWallet'> & { sealedWallet: ArrayBuffer; mac: string }>()
  const key = await configOf(env).macKey('enrolment_code')
  for (const { mac, sealedWallet, ...row } of results) {
    const code = { ...row, sealedWallet: new Uint8Array(sealedWallet) }
    if (await macHolds(key, mac, codeFields(code))) return code
    alarm('enrolment_code', 'an enrolment code that we did not make', { deviceId, code: row.id })
  }
  return undefined
}
