import type pg from 'pg'
import { localId } from '../../src/protocol/ids.ts'
import { ALLOWANCE_DAYS } from '../../src/protocol/limits.ts'
import { type AuditRecord, record } from '../audit.ts'
import { isHalted, transact } from '../db.ts'
import { faultOf, type Log } from '../log.ts'
import type { GoOn } from '../loop.ts'
import type { Alarm } from '../not-believed.ts'
import { lockDevices } from '../registry/lock-devices.ts'
import { announce, type Subject } from '../tell/outbox.ts'
import { ALLOWANCE_ORDERS, ORDER_ROW, type OrderRow } from './allowance-orders.ts'
import { judgeRows, notBelieved } from './holders-word.ts'

/**
 * Allowances that open, close and end. What is due is read from the tables each time, and the database decides
 * (`offline_apply_allowance_orders`, `offline_expire_allowances`). One that closes ends with the last payment that its phone has
 * signed, in the transaction that records it (post.ts).
 */
export interface AllowanceDeps {
  readonly pool: pg.Pool
  readonly clock: () => number
  readonly log: Log
  readonly alarm: Alarm
}

/** In one round. */
const ORDERING_DEVICES_MAX = 50
const EXPIRING_MAX = 50

/** @returns how many devices had orders, and how many allowances ended by their time */
export async function applyAllowances(deps: AllowanceDeps, goOn: GoOn = () => true): Promise<number> {
  const { rows } = await deps.pool.query<{ device_id: string }>(
    'SELECT device_id FROM offline_devices_with_due_orders($1) AS d (device_id)',
    [ORDERING_DEVICES_MAX],
  )
  let count = 0
  // A transaction for each: what keeps one device's orders from being carried out keeps nobody else's.
  for (const { device_id: deviceId } of rows) {
    if (!goOn()) return count
    try {
      await transact(deps.pool, (client) => carryOut(client, deviceId, deps))
      count += 1
    } catch (error) {
      // They stay open, and are carried out when settlement goes on.
      if (isHalted(error)) return count
      deps.log.error({ device: deviceId, fault: faultOf(error) }, 'orders about an allowance not carried out')
    }
  }
  try {
    return count + (await transact(deps.pool, (client) => expire(client, new Date(deps.clock()))))
  } catch (error) {
    if (isHalted(error)) return count
    throw error
  }
}

interface Applied {
  readonly rev: number
  readonly no: number
  readonly result: string
  readonly state: string | null
}

/** One transaction with everything that follows. Twice, or by two at once: the second finds nothing due. */
async function carryOut(client: pg.ClientBase, deviceId: string, { clock, alarm }: AllowanceDeps): Promise<void> {
  await lockDevices(client, [deviceId])
  const at = new Date(clock())
  const { rows } = await client.query<OrderRow & { is_his: boolean }>(
    `SELECT ${ORDER_ROW}, is_his FROM offline_allowance_orders WHERE payer_device_id = $1 AND result IS NULL`,
    [deviceId],
  )
  // What was nobody's word as it was recorded comes to nothing, whoever signed it.
  const his = rows.filter(({ is_his: isHis }) => isHis)
  const { unsigned } = await judgeRows(client, ALLOWANCE_ORDERS, his)
  const lacking = new Set(unsigned.map(({ rev }) => rev))
  const { rows: applied } = await client.query<Applied>(
    'SELECT rev, no, result, state FROM offline_apply_allowance_orders($1, $2, $3, $4, $5)',
    [
      rows.map(() => deviceId),
      rows.map(({ rev }) => rev),
      rows.map(({ rev }) => !lacking.has(rev)),
      ...[ALLOWANCE_DAYS, at],
    ],
  )
  notBelieved(ALLOWANCE_ORDERS.name, unsigned, alarm)
  if (applied.length === 0) return
  await announce(client, await tellable(client, [deviceId]), at)
  // A statement may contradict what has arrived.
  const misused = (await changedNow(client, [deviceId], at)).filter(isMisuse)
  const records = applied.map((detail): AuditRecord => ({ deviceId, action: 'allowance_changed', detail }))
  await record(client, [...records, ...misused.map(auditOf)], at)
}

async function expire(client: pg.ClientBase, at: Date): Promise<number> {
  const { rows } = await client.query<{ payer_device_id: string; no: number; returned_minor: number }>(
    'SELECT payer_device_id, no, returned_minor FROM offline_expire_allowances($1, $2)',
    [at, EXPIRING_MAX],
  )
  if (rows.length === 0) return 0
  const devices = rows.map(({ payer_device_id }) => payer_device_id)
  await announce(client, await tellable(client, devices), at)
  await record(
    client,
    rows.map(({ payer_device_id: deviceId, no, returned_minor: returned }) => {
      return { deviceId, action: 'allowance_changed', detail: { no, state: 'expired', returned } }
    }),
    at,
  )
  return rows.length
}

/** What the allowances of devices came to in the transaction that runs. */
type Change = AllowanceClosed | AllowanceMisused

interface AllowanceClosed {
  readonly payer_device_id: string
  readonly allowance_no: number
  readonly kind: 'closed'
  readonly returned: number
}

/** Phones that were convicted by their own signatures. */
interface AllowanceMisused {
  readonly payer_device_id: string
  readonly allowance_no: number
  readonly kind: 'number' | 'sum' | 'ceiling' | 'statement'
  readonly device_id: string
  readonly counter: number
  readonly other_device_id: string | null
  readonly other_counter: number | null
}

const isMisuse = (change: Change): change is AllowanceMisused => change.kind !== 'closed'

/** @returns what has become of allowances by payments that are recorded at this moment: whom to tell, and what goes on record */
export async function allowanceNews(
  client: pg.ClientBase,
  payers: readonly string[],
  at: Date,
): Promise<{ readonly subjects: readonly Subject[]; readonly records: readonly AuditRecord[] }> {
  if (payers.length === 0) return { subjects: [], records: [] }
  const changes = await changedNow(client, payers, at)
  const devices = changes.map(({ payer_device_id }) => payer_device_id)
  return { subjects: await tellable(client, devices), records: changes.map(auditOf) }
}

async function changedNow(client: pg.ClientBase, devices: readonly string[], at: Date): Promise<readonly Change[]> {
  const { rows: closed } = await client.query<AllowanceClosed>(
    `SELECT device_id AS payer_device_id, no AS allowance_no, 'closed' AS kind, returned_minor AS returned
     FROM wallet_core.allowances WHERE device_id = ANY ($1) AND state = 'closed' AND ended_at = $2`,
    [devices, at],
  )
  const { rows: misused } = await client.query<AllowanceMisused>(
    `SELECT payer_device_id, allowance_no, kind, device_id, counter, other_device_id, other_counter
     FROM offline_allowance_evidence WHERE payer_device_id = ANY ($1) AND found_at = $2`,
    [devices, at],
  )
  return [...closed, ...misused]
}

function auditOf(change: Change): AuditRecord {
  const { payer_device_id: deviceId, allowance_no: no } = change
  if (!isMisuse(change)) {
    return { deviceId, action: 'allowance_changed', detail: { no, state: change.kind, returned: change.returned } }
  }
  const { kind, device_id, counter, other_device_id: other, other_counter: otherCounter } = change
  const payments = [localId(device_id, counter), ...(other && otherCounter ? [localId(other, otherCounter)] : [])]
  return { deviceId, action: 'allowance_misused', detail: { no, kind, payments } }
}

/** Devices that there is something to tell of. */
async function tellable(client: pg.ClientBase, devices: readonly string[]): Promise<readonly Subject[]> {
  const { rows } = await client.query<{ deviceId: string }>(
    `SELECT d.id AS "deviceId" FROM (SELECT DISTINCT * FROM unnest($1::text[])) AS d (id)
     CROSS JOIN LATERAL offline_allowance_verdict(d.id) v ORDER BY d.id`,
    [devices],
  )
  return rows.map(({ deviceId }) => ({ deviceId, allowance: true }))
}
