import type pg from 'pg'
import { openSettleMessage } from '../../src/crypto/settle-message.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { equalBytes } from '../../src/protocol/bytes.ts'
import { codeUntilMs } from '../../src/protocol/consent-code.ts'

/** A request for a code, as its row says it. */
export interface RequestRow {
  readonly deviceId: string
  readonly no: number
  /** Of the device's facts that said so. */
  readonly rev: number
  readonly thumbprint: Uint8Array
  readonly wallet: string
  readonly tenant: string
  readonly askedAt: Date
  readonly untilAt: Date
}

/**
 * Whether the edge has signed that this device asks for this code: whoever may write rows must not be able to have messages sent to any
 * telephone, as many as he likes and in the name that he likes.
 */
export async function isAsked(pool: pg.Pool, row: RequestRow, trusted: readonly TrustedKey[]): Promise<boolean> {
  const { rows } = await pool.query<{ message: Uint8Array }>(
    'SELECT message FROM offline_device_messages WHERE device_id = $1 AND rev = $2',
    [row.deviceId, row.rev],
  )
  const [kept] = rows
  if (kept === undefined) return false
  const opened = await openSettleMessage(new Uint8Array(kept.message), trusted).catch(() => undefined)
  if (!opened?.ok || opened.value.kind !== 'device') return false
  const { deviceId, ownerWallet, tenant, code, alg, publicKey: bytes } = opened.value
  return (
    code !== undefined &&
    deviceId === row.deviceId &&
    code.no === row.no &&
    code.askedAtMs === row.askedAt.getTime() &&
    codeUntilMs(code) === row.untilAt.getTime() &&
    ownerWallet === row.wallet &&
    tenant === row.tenant &&
    equalBytes(await thumbprint(webCryptoSuite, { alg, bytes }), row.thumbprint)
  )
}
