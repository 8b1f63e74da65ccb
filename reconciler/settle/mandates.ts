import type pg from 'pg'
import { verifySign1 } from '../../src/crypto/sign1.ts'
import { equalBytes, fromHex, toHex } from '../../src/protocol/bytes.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import { parseMandate, type SignedMandate } from '../../src/protocol/mandates.ts'
import type { MandateMessage } from '../../src/protocol/messages.ts'
import { parse } from '../../src/protocol/parse.ts'
import { record } from '../audit.ts'
import { transact } from '../db.ts'
import type { Alarm } from '../not-believed.ts'
import { lockPending, markDone } from '../pull/inbox.ts'
import { lockDevices } from '../registry/lock-devices.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { hadConsent, type Standing, speaksForHolder, standingOf } from '../registry/standing.ts'

/**
 * Holders' mandates: inbox → `offline_mandates`. Posted by them is in the transaction that records a claim (post.ts), by the
 * mandate that is in force then; its signature is opened again there.
 */
export type MandateFault =
  /** Not known yet, or not as the edge had it: the device's facts come on the same queue, in any order. */
  'unknown_device' | 'malformed_mandate' | 'wrong_device' | 'wrong_wallet' | 'invalid_signature' | 'mandate_conflict'

/** @returns why nobody may obey it, or undefined when it is recorded */
export async function recordMandate(
  pool: pg.Pool,
  inboxId: number,
  message: MandateMessage,
  at: Date,
): Promise<MandateFault | undefined> {
  const parsed = parse(() => parseMandate(message.mandate))
  if (!parsed.ok) return 'malformed_mandate'
  const signed = parsed.value
  if (signed.claims.deviceId !== message.deviceId) return 'wrong_device'
  return transact(pool, async (client) => {
    if (!(await lockPending(client, [inboxId])).has(inboxId)) return undefined
    await lockDevices(client, [message.deviceId])
    const registry = await loadDevices(client, [message.deviceId])
    const fault = await faultOfMandate(signed, registry)
    if (fault !== undefined) return fault
    const standing = standingOf(registry, { ...message, kid: signed.claims.kid }, at.getTime())
    if (standing === 'awaited') return 'unknown_device'
    if (!(await insertMandate(client, message, signed, standing, at))) return 'mandate_conflict'
    await markDone(client, [inboxId], at)
    return undefined
  })
}

/** @returns why it is not signed by the device that it names, about the wallet of that device's owner */
export async function faultOfMandate(
  signed: SignedMandate,
  registry: Registry,
): Promise<'unknown_device' | 'wrong_wallet' | 'invalid_signature' | undefined> {
  const { deviceId, kid, alg } = signed.claims
  const device = registry.get(deviceId)
  const key = device?.keys.get(toHex(kid))
  if (key === undefined) return 'unknown_device'
  if (device?.ownerWallet !== signed.mandate.wallet) return 'wrong_wallet'
  const holds = key.alg === alg && (await verifySign1(key.verifier, signed, 'molam-mandate-v1'))
  return holds ? undefined : 'invalid_signature'
}

/** A row of `offline_mandates` with the signed mandate that it was made of. */
export interface MandateEvidence {
  readonly payer_device_id: string
  readonly rev: number
  readonly no: number
  /** Hex. */
  readonly kid: string
  readonly wallet: string
  readonly currency: string
  readonly payment_max_minor: number
  readonly day_max_minor: number
  /** UTC milliseconds. */
  readonly until_ms: number
  /** Hex. */
  readonly mandate: string
}

/** SQL: a row `m` as `MandateEvidence`. */
export const MANDATE_EVIDENCE = `
  json_build_object('payer_device_id', m.payer_device_id, 'rev', m.rev, 'no', m.no, 'kid', encode(m.kid, 'hex'),
                    'wallet', m.wallet, 'currency', m.currency, 'payment_max_minor', m.payment_max_minor,
                    'day_max_minor', m.day_max_minor, 'until_ms', round(extract(epoch FROM m.until_at) * 1000),
                    'mandate', encode(m.mandate, 'hex'))`

/** Whether a device of the wallet has signed what the row says: whoever may write rows must not be able to give a mandate. */
export async function isSignedMandate(row: MandateEvidence, registry: Registry): Promise<boolean> {
  const parsed = parse(() => parseMandate(fromHex(row.mandate ?? '')))
  if (!parsed.ok) return false
  const { mandate, claims } = parsed.value
  return (
    claims.deviceId === row.payer_device_id &&
    toHex(claims.kid) === row.kid &&
    mandate.wallet === row.wallet &&
    mandate.currency === row.currency &&
    mandate.paymentMax === row.payment_max_minor &&
    mandate.dayMax === row.day_max_minor &&
    mandate.untilMs === row.until_ms &&
    mandate.no === row.no &&
    hadConsent(registry.get(claims.deviceId), claims.kid) &&
    (await faultOfMandate(parsed.value, registry)) === undefined
  )
}

/** Names a mandate to the database. */
export interface MandateName {
  readonly deviceId: string
  readonly rev: number
}

/** @returns by wallet, the mandate in force that its device has signed. A row that says more gives nothing, and is an alarm */
export async function verifiedMandates(
  client: pg.ClientBase,
  wallets: readonly string[],
  at: Date,
  alarm: Alarm,
): Promise<ReadonlyMap<string, MandateName>> {
  if (wallets.length === 0) return new Map()
  const { rows } = await client.query<{ mandate: MandateEvidence }>(
    `SELECT ${MANDATE_EVIDENCE} AS mandate FROM (SELECT DISTINCT * FROM unnest($1::text[])) AS w (wallet)
     CROSS JOIN LATERAL offline_mandate_of(w.wallet, $2) m`,
    [wallets, at],
  )
  if (rows.length === 0) return new Map()
  const registry = await loadDevices(
    client,
    rows.map(({ mandate }) => mandate.payer_device_id as DeviceId),
  )
  const inForce = new Map<string, MandateName>()
  for (const { mandate } of rows) {
    const { wallet, payer_device_id: deviceId, rev, kid } = mandate
    const device = registry.get(deviceId)
    if (device === undefined || !(await isSignedMandate(mandate, registry))) alarm('mandate', { deviceId, rev })
    // The database does not open the word of another device that it pays by.
    else if (speaksForHolder(device, fromHex(kid), at.getTime()) === 'holder') inForce.set(wallet, { deviceId, rev })
  }
  return inForce
}

/** What is nobody's word is kept, and takes no other's place. @returns whether the device's mandate with this number is this one */
async function insertMandate(
  client: pg.ClientBase,
  { deviceId, rev, atMs, mandate: encoded }: MandateMessage,
  { claims, mandate }: SignedMandate,
  standing: Exclude<Standing, 'awaited'>,
  at: Date,
): Promise<boolean> {
  const { wallet, currency, paymentMax, dayMax, untilMs, no } = mandate
  const { rowCount } = await client.query(
    `INSERT INTO offline_mandates (payer_device_id, rev, no, kid, wallet, currency, payment_max_minor, day_max_minor,
       until_at, given_at, mandate, recorded_at, is_his)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (payer_device_id, rev) DO NOTHING`,
    [
      ...[deviceId, rev, no, Buffer.from(claims.kid), wallet, currency, paymentMax, dayMax, new Date(untilMs)],
      ...[new Date(atMs), Buffer.from(encoded), at, standing === 'holder'],
    ],
  )
  if (rowCount === 1) {
    await record(client, [{ deviceId, action: 'mandate_given', detail: { rev, no, paymentMax, dayMax } }], at)
    return true
  }
  const { rows } = await client.query<{ mandate: Uint8Array }>(
    'SELECT mandate FROM offline_mandates WHERE payer_device_id = $1 AND rev = $2',
    [deviceId, rev],
  )
  return rows[0] !== undefined && equalBytes(new Uint8Array(rows[0].mandate), encoded)
}
