import type pg from 'pg'
import { localId } from '../../src/protocol/ids.ts'
import type { PaymentType } from '../../src/protocol/payment.ts'
import type { PaymentStatus } from '../../src/protocol/states.ts'
import { type AuditRecord, record } from '../audit.ts'
import { isHalted, transact } from '../db.ts'
import { faultOf, type Log } from '../log.ts'
import type { GoOn } from '../loop.ts'
import type { Alarm } from '../not-believed.ts'
import { lockDevices } from '../registry/lock-devices.ts'
import { claimSubjects } from '../tell/claim-subjects.ts'
import { announce } from '../tell/outbox.ts'
import { updateBundles } from './bundle-statuses.ts'
import { type AnswerRow, CLAIM_ANSWERS } from './claim-answers.ts'
import { judgeRows, notBelieved } from './holders-word.ts'
import { countByStatus, type StatusCount } from './status-counts.ts'

/**
 * Claims that end: confirmed, and posted if the money is there now; refused; or silent for too long. What is due is read from
 * the tables each time, and the database decides (`offline_apply_claims`). The clock is the reconciler's: it says when an
 * answer was recorded, and when the time is over that the edge's receipt began.
 */
export interface ClaimDeps {
  readonly pool: pg.Pool
  readonly clock: () => number
  readonly log: Log
  /** Told after COMMIT. */
  readonly settled: (counts: readonly StatusCount[]) => void
  readonly alarm: Alarm
}

/** Devices in one transaction. */
const DEVICES_MAX = 50

/** What a claim came to. */
interface EndedClaim {
  readonly device_id: string
  readonly counter: number
  readonly bundle_id: string
  readonly status: PaymentStatus
  readonly reason: string | null
  readonly type: PaymentType
  readonly sender: string
  /** The answer that ended it; null when its time did. */
  readonly payer_device_id: string | null
  readonly answer_rev: number | null
}

/** @returns how many devices' claims were looked at */
export async function applyClaims(deps: ClaimDeps, goOn: GoOn = () => true): Promise<number> {
  const { rows } = await deps.pool.query<{ device_id: string }>(
    'SELECT device_id FROM offline_devices_with_due_claims($1, $2) AS d (device_id)',
    [new Date(deps.clock()), DEVICES_MAX],
  )
  const devices = rows.map(({ device_id }) => device_id)
  if (devices.length === 0) return 0
  try {
    return await applyTo(deps, devices)
  } catch (error) {
    // They stay open, and end when settlement goes on.
    if (isHalted(error)) return 0
    deps.log.warn({ devices: devices.length, fault: faultOf(error) }, 'claims not ended; ending them device by device')
  }
  let count = 0
  for (const device of devices) {
    if (!goOn()) return count
    try {
      count += await applyTo(deps, [device])
    } catch (error) {
      if (isHalted(error)) return count
      // They stay due, and nothing of them has moved.
      deps.log.error({ device, fault: faultOf(error) }, 'claims not ended')
    }
  }
  return count
}

/**
 * One transaction with everything that follows: payments, ledger, bundles, audit, what the edge is to be told. Twice, or by
 * two at once: the second finds nothing due.
 */
async function applyTo(deps: ClaimDeps, devices: readonly string[]): Promise<number> {
  const at = new Date(deps.clock())
  const ended = await transact(deps.pool, async (client) => {
    await lockDevices(client, devices)
    const unsigned = await closeUnsigned(client, devices, at)
    const { rows } = await client.query<EndedClaim>('SELECT * FROM offline_apply_claims($1, $2)', [devices, at])
    notBelieved(CLAIM_ANSWERS.name, unsigned, deps.alarm)
    if (rows.length > 0) {
      const bundles = await updateBundles(client, rows, at)
      const wallets = rows.map(({ sender }) => sender)
      await announce(client, [...bundles, ...(await claimSubjects(client, wallets))], at)
    }
    const records = [...unsigned.map(closingOf), ...endsOf(rows)]
    if (records.length > 0) await record(client, records, at)
    return rows
  })
  deps.settled(countByStatus(ended))
  return devices.length
}

interface OpenAnswer extends AnswerRow {
  readonly id: number
}

/**
 * No row moves money because it stands there, and none keeps other claims waiting: what is open of these claims is what devices
 * of their wallets have signed.
 *
 * @returns those that nobody has signed, which are closed by now
 */
async function closeUnsigned(
  client: pg.ClientBase,
  devices: readonly string[],
  at: Date,
): Promise<readonly OpenAnswer[]> {
  const { rows } = await client.query<OpenAnswer>(
    `SELECT id, rev, payer_device_id, device_id, counter, content_hash, amount_minor, choice, payer_wallet, answer
     FROM offline_claim_answers WHERE device_id = ANY ($1) AND result IS NULL`,
    [devices],
  )
  const { unsigned } = await judgeRows(client, CLAIM_ANSWERS, rows)
  if (unsigned.length > 0) {
    await client.query('SELECT offline_close_unsigned_answers($1, $2)', [unsigned.map(({ id }) => id), at])
  }
  return unsigned
}

const closingOf = ({ payer_device_id, rev, device_id, counter }: OpenAnswer): AuditRecord => {
  return { deviceId: payer_device_id, action: 'answer_not_signed', detail: { rev, claim: localId(device_id, counter) } }
}

/** One record a bundle: what became of each claim, and by which answer. */
function endsOf(rows: readonly EndedClaim[]): readonly AuditRecord[] {
  const byBundle = Map.groupBy(rows, ({ device_id, bundle_id }) => `${device_id}/${bundle_id}`)
  return [...byBundle.values()].flatMap((own) =>
    own.slice(0, 1).map(({ device_id: deviceId, bundle_id: bundleId }) => {
      const claims = own.map(({ counter, status, reason, payer_device_id: by, answer_rev: rev }) => [
        ...[counter, status, reason],
        by === null || rev === null ? null : localId(by, rev),
      ])
      return { deviceId, bundleId, action: 'claims_ended' as const, detail: { claims } }
    }),
  )
}
