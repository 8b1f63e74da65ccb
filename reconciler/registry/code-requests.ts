import type pg from 'pg'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { codeUntilMs } from '../../src/protocol/consent-code.ts'
import { CODE_TRIES_MAX, CODES_PER_DAY_MAX } from '../../src/protocol/limits.ts'
import type { DeviceMessage } from '../../src/protocol/messages.ts'
import type { AuditRecord } from '../audit.ts'
import type { VerifiedConsent } from './consents.ts'

/**
 * What a device's facts say of its request for a code: request → `offline_consent_codes`, what was entered →
 * `offline_consent_answers`. In the transaction that records the facts, which has the device's row: two cannot count one try.
 */

/**
 * Only of the newest facts: an older request is over. One that is here already stays as it is.
 *
 * @param thumbprint of the message's own key
 * @param by whether there is anybody who sends codes, and which key makes them
 */
export async function recordRequest(
  client: pg.ClientBase,
  { deviceId, rev, status, ownerWallet, tenant, code }: DeviceMessage,
  thumbprint: Uint8Array,
  { isOn, keyId }: { readonly isOn: boolean; readonly keyId: string },
  at: Date,
): Promise<readonly AuditRecord[]> {
  if (code === undefined || status !== 'active') return []
  const { no, askedAtMs } = code
  const { rows: known } = await client.query('SELECT FROM offline_consent_codes WHERE device_id = $1 AND no >= $2', [
    ...[deviceId, no],
  ])
  if (known.length > 0) return []
  const { rows } = await client.query<{ refusal: string | null }>(
    `INSERT INTO offline_consent_codes (device_id, no, thumbprint, wallet, tenant, asked_at, until_at, refusal, recorded_at,
       next_attempt_at, rev, key_id)
     SELECT $1, $2, $3, $4, $5, $6, $7, r.refusal, $8, CASE WHEN r.refusal IS NULL THEN $8::timestamptz END, $11, $12
     FROM (SELECT CASE WHEN $9 THEN offline_code_refusal($4, $5, $8, $10) ELSE 'off' END AS refusal) r
     RETURNING refusal`,
    [
      ...[deviceId, no, Buffer.from(thumbprint), ownerWallet, tenant],
      ...[new Date(askedAtMs), new Date(codeUntilMs(code)), at, isOn, CODES_PER_DAY_MAX, rev, keyId],
    ],
  )
  const refusal = rows[0]?.refusal ?? null
  const detail = { no, ...(refusal !== null && { refusal }) }
  return [{ deviceId, action: 'consent_code_asked', detail }]
}

/**
 * Takes what was entered, each signed consent once: it gives something if its request is here as it says, a code for it may have been
 * sent, it was wrong not too often, it is the code, and nobody has used that before.
 */
export async function takeAnswer(
  client: pg.ClientBase,
  { deviceId, code, thumbprint, wallet, tenant, signed, codeKeyId }: VerifiedConsent,
  keyIds: readonly string[],
  at: Date,
): Promise<{ readonly isTaken: boolean; readonly audit: readonly AuditRecord[] }> {
  const nothing = { isTaken: false, audit: [] }
  if (code === undefined) return nothing
  const { no, askedAtMs } = code
  const digest = Buffer.from(await webCryptoSuite.sha256(signed))
  const { rows } = await client.query<{ known: boolean | null; open: boolean; key_id: string }>(
    `SELECT (SELECT is_right FROM offline_consent_answers a WHERE (a.device_id, a.no, a.digest) = ($1, $2, $3)) AS known, c.key_id,
            c.attempts > 0 AND (c.thumbprint, c.wallet, c.tenant, c.asked_at) = ($4::bytea, $5, $6, $7::timestamptz)
              AND (SELECT count(*) FILTER (WHERE NOT is_right) < $8 AND NOT coalesce(bool_or(is_right), false)
                   FROM offline_consent_answers a WHERE (a.device_id, a.no) = ($1, $2)) AS open
     FROM offline_consent_codes c WHERE (c.device_id, c.no) = ($1, $2)`,
    [deviceId, no, digest, Buffer.from(thumbprint), wallet, tenant, new Date(askedAtMs), CODE_TRIES_MAX],
  )
  const [request] = rows
  if (request === undefined) return nothing
  if (request.known !== null) return { isTaken: request.known, audit: [] }
  // Nobody here can say whether it is the code of a key that is gone: that is no try.
  if (!request.open || !keyIds.includes(request.key_id)) return nothing
  // By the key that made it, and by no other: the verifier looks at it by that one for ever.
  const isCode = codeKeyId === request.key_id
  await client.query(
    `INSERT INTO offline_consent_answers (device_id, no, digest, is_right, recorded_at) VALUES ($1, $2, $3, $4, $5)`,
    [deviceId, no, digest, isCode, at],
  )
  return { isTaken: isCode, audit: [{ deviceId, action: 'consent_code_answered', detail: { no, right: isCode } }] }
}
