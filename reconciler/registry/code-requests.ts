import type pg from 'pg'
import { openConsent } from '../../src/crypto/consent.ts'
import { openSettleMessage } from '../../src/crypto/settle-message.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { codeUntilMs } from '../../src/protocol/consent-code.ts'
import { CODE_TRIES_MAX, CODES_PER_DAY_MAX } from '../../src/protocol/limits.ts'
import type { DeviceMessage } from '../../src/protocol/messages.ts'
import type { AuditRecord } from '../audit.ts'
import type { ConsentCodes } from '../codes/code.ts'
import { codeKeyOf, statedConsents, type VerifiedConsent } from './consents.ts'

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

/** By what an answer is judged: keys of the edge, and those of codes. */
export interface AnswerDeps {
  readonly trusted: readonly TrustedKey[]
  readonly codes: ConsentCodes
}

/**
 * Takes what was entered, each signed consent once: it gives something if its request is here as it says, a code for it may have been
 * sent, it was wrong not too often, it is the code, and nobody has used that before. How often it was wrong the edge's signed messages
 * say: a row that none of them bears out is no try, or whoever records could use up a holder's.
 */
export async function takeAnswer(
  client: pg.ClientBase,
  { deviceId, code, thumbprint, wallet, tenant, signed, codeKeyId }: VerifiedConsent,
  deps: AnswerDeps,
  at: Date,
): Promise<{ readonly isTaken: boolean; readonly audit: readonly AuditRecord[] }> {
  const nothing = { isTaken: false, audit: [] }
  if (code === undefined) return nothing
  const { no, askedAtMs } = code
  const digest = Buffer.from(await webCryptoSuite.sha256(signed))
  const { rows } = await client.query<Request>(
    `SELECT c.key_id, c.rev, c.attempts > 0
              AND (c.thumbprint, c.wallet, c.tenant, c.asked_at) = ($3::bytea, $4, $5, $6::timestamptz) AS is_sent,
            (SELECT json_agg(json_build_array(encode(a.digest, 'hex'), a.is_right)) FROM offline_consent_answers a
             WHERE (a.device_id, a.no) = ($1, $2)) AS tries
     FROM offline_consent_codes c WHERE (c.device_id, c.no) = ($1, $2)`,
    [deviceId, no, Buffer.from(thumbprint), wallet, tenant, new Date(askedAtMs)],
  )
  const [request] = rows
  if (request === undefined) return nothing
  const before = request.tries?.find(([known]) => known === digest.toString('hex'))
  const isKeyHere = deps.codes.keyIds.includes(request.key_id)
  // By the key that made it, and by no other: the verifier looks at it by that one for ever.
  const isCode = codeKeyId === request.key_id
  if (before !== undefined) return { isTaken: isKeyHere ? isCode : before[1], audit: [] }
  // Nobody here can say whether it is the code of a key that is gone: that is no try.
  if (!request.is_sent || !isKeyHere) return nothing
  const tries = await madeTries(client, deviceId, no, request, deps)
  if (tries.includes(true) || tries.length >= CODE_TRIES_MAX) return nothing
  await client.query(
    `INSERT INTO offline_consent_answers (device_id, no, digest, is_right, recorded_at) VALUES ($1, $2, $3, $4, $5)`,
    [deviceId, no, digest, isCode, at],
  )
  return { isTaken: isCode, audit: [{ deviceId, action: 'consent_code_answered', detail: { no, right: isCode } }] }
}

interface Request {
  readonly key_id: string
  /** Of the facts that asked for it. */
  readonly rev: number
  readonly is_sent: boolean
  readonly tries: readonly Try[] | null
}
type Try = readonly [digest: string, isRight: boolean]

/** How many of the tries of a request were wrong, of those that the edge has signed. */
export async function wrongTries(
  db: pg.Pool | pg.ClientBase,
  { deviceId, no }: { readonly deviceId: string; readonly no: number },
  deps: AnswerDeps,
): Promise<number> {
  const { rows } = await db.query<Pick<Request, 'key_id' | 'rev' | 'tries'>>(
    `SELECT c.key_id, c.rev, (SELECT json_agg(json_build_array(encode(a.digest, 'hex'), a.is_right)) FROM offline_consent_answers a
                              WHERE (a.device_id, a.no) = (c.device_id, c.no)) AS tries
     FROM offline_consent_codes c WHERE (c.device_id, c.no) = ($1, $2)`,
    [deviceId, no],
  )
  const [request] = rows
  if (request === undefined) return 0
  const made = await madeTries(db, deviceId, no, request, deps)
  return Math.min(CODE_TRIES_MAX, made.filter((isRight) => !isRight).length)
}

/** @returns of each try that the edge has signed whether it was right: by the key of its request, or as its row says when that is gone */
async function madeTries(
  client: pg.Pool | pg.ClientBase,
  deviceId: string,
  no: number,
  { key_id, rev, tries }: Pick<Request, 'key_id' | 'rev' | 'tries'>,
  { trusted, codes }: AnswerDeps,
): Promise<readonly boolean[]> {
  if (tries === null) return []
  const { rows } = await client.query<{ message: Uint8Array }>(
    'SELECT message FROM offline_device_messages WHERE device_id = $1 AND rev >= $2',
    [deviceId, rev],
  )
  const known = new Map(tries)
  const isKeyHere = codes.keyIds.includes(key_id)
  const right = new Map<string, boolean>()
  for (const { message } of rows) {
    const opened = await openSettleMessage(new Uint8Array(message), trusted).catch(() => undefined)
    if (!opened?.ok || opened.value.kind !== 'device' || opened.value.deviceId !== deviceId) continue
    for (const { signed } of statedConsents(opened.value)) {
      const digest = toHex(await webCryptoSuite.sha256(signed))
      const said = known.get(digest)
      if (said === undefined || right.has(digest)) continue
      const consent = await openConsent(signed, trusted)
      if (consent?.code?.no === no) right.set(digest, isKeyHere ? (await codeKeyOf(consent, codes)) === key_id : said)
    }
  }
  return [...right.values()]
}
