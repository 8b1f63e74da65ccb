import { parseArgs } from 'node:util'
import type pg from 'pg'
import { consentCodes } from '../codes/code.ts'
import { parseBookConfig } from '../config.ts'
import { type InboxState, readInboxState } from '../metrics-queries.ts'
import { type Command, positiveInteger, withPool } from './command.ts'

export const status: Command = {
  summary: 'what has not gone all the way: backlog, parked messages, payments that wait for a person',
  help: `usage: status [--show <n>] [--json]

  --show <n>  parked messages to list (50)
  --json      one JSON document

READ_DATABASE_URL; with CONSENT_CODE_KEY (and CONSENT_CODE_OLD_KEY) consents by codes of another key are counted. Exit 1 while something is parked, or settlement is halted.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { show: { type: 'string', default: '50' }, json: { type: 'boolean', default: false } },
    })
    const show = positiveInteger(values.show, '--show')
    const { login, codeKeys } = parseBookConfig(terminal.env)
    const keyIds = codeKeys && (await consentCodes(codeKeys)).keyIds
    const now = new Date(terminal.clock())
    const [state, parked, twins, halts, unproven] = await withPool(login, (pool) =>
      Promise.all([
        ...([readInboxState(pool, now), readParked(pool, show), countTwins(pool, now), readHalts(pool)] as const),
        keyIds && countUnproven(pool, keyIds),
      ]),
    )
    terminal.print(
      values.json
        ? JSON.stringify({ ...state, twins, unprovenConsents: unproven ?? null, parkedMessages: parked, halts })
        : text(state, twins, unproven, parked, halts),
    )
    return state.parked > 0 || halts.length > 0 ? 1 : 0
  },
}

interface ParkedRow {
  readonly id: number
  readonly kind: string
  readonly device_id: string | null
  readonly fault: string | null
  readonly attempts: number
  readonly received_at: Date
  readonly dead_lettered: boolean
}

/** Oldest first. The index on parked messages serves it whatever the size of the inbox. */
async function readParked(pool: pg.Pool, max: number): Promise<readonly ParkedRow[]> {
  const { rows } = await pool.query<ParkedRow>(
    `SELECT id, kind, device_id, last_error AS fault, attempts, received_at,
            dead_lettered_at IS NOT NULL AS dead_lettered
     FROM offline_sync_queue WHERE status = 'parked' ORDER BY id LIMIT $1`,
    [max],
  )
  return rows
}

interface HaltRow {
  readonly halt_id: number
  readonly halted_at: Date
  readonly halted_by: string
  readonly reason: string
  /** Who has said that it may go on. */
  readonly said_by: readonly string[]
}

/** The halt that stands, if there is one. */
async function readHalts(pool: pg.Pool): Promise<readonly HaltRow[]> {
  const { rows } = await pool.query<HaltRow>(
    `SELECT h.halt_id, h.halted_at, h.halted_by, h.reason,
            ARRAY(SELECT said_by FROM settlement_resumptions r WHERE r.halt_id = h.halt_id ORDER BY said_at) AS said_by
     FROM settlement_halts h WHERE h.ended_at IS NULL`,
  )
  return rows
}

/** Devices that are used at the same time by the same two people are rare; a device and its clone are not. */
const TWIN_DAYS = 7

async function countTwins(pool: pg.Pool, now: Date): Promise<number> {
  const { rows } = await pool.query<{ twins: number }>(
    `SELECT count(*) AS twins FROM offline_twin_payments
     WHERE initiated_at > $1::timestamptz - ${TWIN_DAYS} * interval '1 day'`,
    [now],
  )
  return rows[0]?.twins ?? 0
}

/** Consents in force by codes of keys that are not here: nobody can say whether they are their holders' (docs/codes.md). */
async function countUnproven(pool: pg.Pool, keyIds: readonly string[]): Promise<number> {
  const { rows } = await pool.query<{ unproven: number }>(
    `SELECT count(*) AS unproven
     FROM offline_consent_answers a
     JOIN offline_consent_codes c USING (device_id, no)
     JOIN offline_wallet_consents w ON w.device_id = a.device_id AND w.digest = a.digest AND w.withdrawn_at IS NULL
     WHERE a.is_right AND c.key_id <> ALL ($1)`,
    [keyIds],
  )
  return rows[0]?.unproven ?? 0
}

function text(
  state: InboxState,
  twins: number,
  unproven: number | undefined,
  parked: readonly ParkedRow[],
  halts: readonly HaltRow[],
): string {
  const {
    pending,
    waiting,
    deadLettered,
    letGo,
    untold,
    review,
    quarantined,
    unheld,
    claimed,
    openResolutions,
    conflicts,
    withoutWallet,
    foreignWallet,
  } = state
  const lines = [
    ...halts.map(
      ({ halt_id, halted_at, halted_by, reason, said_by }) =>
        `HALTED   settlement stands still: halt ${halt_id} of ${halted_at.toISOString()} by ${halted_by}; to go on say: ${said_by.join(', ') || 'nobody'}\n         ${reason.replaceAll('\n', '\n         ')}`,
    ),
    `inbox    ${pending} pending, the oldest for ${seconds(state.oldestPendingSeconds)}; ${waiting} of them wait for something`,
    `         ${state.parked} parked, ${letGo} that were parked for 30 days and let go, ${deadLettered} came from the dead letters`,
    `edge     ${untold} to be told, the oldest for ${seconds(state.oldestUntoldSeconds)}`,
    `people   ${review} payments in review, ${quarantined} quarantined, the oldest for ${seconds(state.oldestWaitingSeconds)}; ${unheld} of them without their money held`,
    `         ${openResolutions} resolutions not carried out`,
    `payers   ${claimed} payments wait for their payer's word`,
    `clones   ${conflicts} payments with another content under their number; ${twins} that look like one on two devices, of the last ${TWIN_DAYS} days`,
  ]
  lines.push(
    `devices  ${withoutWallet} in use whose wallet the ledger does not know, ${foreignWallet} whose wallet is another tenant’s`,
  )
  if (unproven !== undefined && unproven > 0) {
    lines.push(
      `codes    ${unproven} consents by codes of a key that is not configured: withdraw them, and ask anew (docs/codes.md)`,
    )
  }
  for (const row of parked) {
    const from = row.dead_lettered ? ', from the dead letters' : ''
    const what = `${String(row.id).padStart(8)}  ${row.kind.padEnd(12)}  ${row.device_id ?? '-'}`
    lines.push(`${what}  ${row.fault ?? '-'} (${row.attempts} attempts, since ${row.received_at.toISOString()}${from})`)
  }
  if (parked.length < state.parked) lines.push(`         … and ${state.parked - parked.length} more`)
  return lines.join('\n')
}

const seconds = (value: number) => `${Math.round(value)} s`
