import type pg from 'pg'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import { parseMandate, type SignedMandate } from '../../src/protocol/mandates.ts'
import type { MandateMessage } from '../../src/protocol/messages.ts'
import type { AuditRecord } from '../audit.ts'
import type { Alarm } from '../not-believed.ts'
import { speaksForHolder } from '../registry/standing.ts'
import { judgeRows, notBelieved, type TakenWord, type WordKind, type WordRow, type WordRows } from './holders-word.ts'

/**
 * Holders' mandates: inbox → `offline_mandates` (holders-word.ts). Posted by them is in the transaction that records a claim
 * (post.ts), by the mandate that is in force then; its signature is opened again there.
 */
export const MANDATES: WordKind<MandateMessage, SignedMandate> & WordRows<SignedMandate, MandateEvidence> = {
  name: 'mandate',
  aad: 'molam-mandate-v1',
  table: 'offline_mandates',
  column: 'mandate',
  faults: { malformed: 'malformed_mandate', conflict: 'mandate_conflict' },
  signedIn: ({ mandate }) => mandate,
  parse: parseMandate,
  walletIn: ({ mandate }) => mandate.wallet,
  insert: insertMandate,
  // Of a mandate that is gone the evidence is null.
  signedOf: ({ mandate }) => fromHex(mandate ?? ''),
  walletOf: ({ wallet }) => wallet,
  says: ({ claims, mandate }, row) =>
    toHex(claims.kid) === row.kid &&
    mandate.currency === row.currency &&
    mandate.paymentMax === row.payment_max_minor &&
    mandate.dayMax === row.day_max_minor &&
    mandate.untilMs === row.until_ms &&
    mandate.no === row.no,
}

/** A row of `offline_mandates` with the signed mandate that it was made of. */
export interface MandateEvidence extends WordRow {
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
  const given = rows.map(({ mandate }) => mandate)
  const { registry, signed, unsigned } = await judgeRows(client, MANDATES, given)
  notBelieved(MANDATES.name, unsigned, alarm)
  const inForce = new Map<string, MandateName>()
  for (const { wallet, payer_device_id: deviceId, rev, kid } of signed) {
    const device = registry.get(deviceId)
    // The database does not open the word of another device that it pays by.
    const isHolders = device && speaksForHolder(device, fromHex(kid), at.getTime()) === 'holder'
    if (isHolders) inForce.set(wallet, { deviceId, rev })
  }
  return inForce
}

async function insertMandate(
  client: pg.ClientBase,
  { deviceId, rev, atMs, mandate: encoded }: MandateMessage,
  { claims, mandate }: SignedMandate,
  { isHolders, at }: TakenWord,
): Promise<AuditRecord | undefined> {
  const { wallet, currency, paymentMax, dayMax, untilMs, no } = mandate
  const { rowCount } = await client.query(
    `INSERT INTO offline_mandates (payer_device_id, rev, no, kid, wallet, currency, payment_max_minor, day_max_minor,
       until_at, given_at, mandate, recorded_at, is_his)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (payer_device_id, rev) DO NOTHING`,
    [
      ...[deviceId, rev, no, Buffer.from(claims.kid), wallet, currency, paymentMax, dayMax, new Date(untilMs)],
      ...[new Date(atMs), Buffer.from(encoded), at, isHolders],
    ],
  )
  const detail = { rev, no, paymentMax, dayMax }
  return rowCount === 1 ? { deviceId, action: 'mandate_given', detail } : undefined
}
