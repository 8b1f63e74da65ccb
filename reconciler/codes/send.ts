import type pg from 'pg'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { type Backoff, backoffMs, PAUSE_MAX_MS } from '../backoff.ts'
import { transact } from '../db.ts'
import { faultOf, type Log } from '../log.ts'
import type { GoOn } from '../loop.ts'
import type { Alarm } from '../not-believed.ts'
import { announce } from '../tell/outbox.ts'
import { isAsked, type RequestRow } from './asked.ts'
import type { ConsentCodes } from './code.ts'
import type { CodeSender } from './gateway.ts'
import { codeText } from './text.ts'

/**
 * Codes → gateway, in a loop of its own, so that a slow gateway holds up nothing else: claim what is due → the edge has signed that it
 * is asked for → where it goes → make the code → send → mark, and the edge is told. No lock is held while sending.
 *
 * Dies after sending: the lease runs out and the same code goes out again, under the same id. It is tried until its time is over, or
 * the gateway refuses it.
 */
export interface SendDeps {
  readonly pool: pg.Pool
  /** Of the login that settles: it alone may read where a code goes. */
  readonly settle: pg.Pool
  readonly codes: ConsentCodes
  /** What the edge signs devices' facts with. */
  readonly trusted: readonly TrustedKey[]
  readonly alarm: Alarm
  readonly sender: CodeSender
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
}

const PARALLEL_MAX = 8
const LEASE_MS = MINUTE_MS
const FAILURE: Backoff = { firstMs: 2_000, maxMs: MINUTE_MS }

interface DueCode extends RequestRow {
  readonly keyId: string
  readonly attempts: number
}

/** @returns how many codes were due */
export async function sendCodes(deps: SendDeps, goOn: GoOn = () => true): Promise<number> {
  if (!goOn()) return 0
  const due = await claimDue(deps.pool, deps.clock())
  await Promise.all(due.map((code) => send(deps, code)))
  return due.length
}

async function send(deps: SendDeps, due: DueCode): Promise<void> {
  const { deviceId, no, askedAt, untilAt, attempts } = due
  const nowMs = deps.clock()
  if (nowMs >= untilAt.getTime()) return mark(deps, due, 'given_up_at')
  try {
    if (!(await isAsked(deps.pool, due, deps.trusted))) {
      deps.alarm('consent_code', { deviceId, no })
      return await mark(deps, due, 'given_up_at')
    }
    const to = await recipientOf(deps.settle, due)
    if (to === undefined) return await mark(deps, due, 'given_up_at')
    const code = await deps.codes.codeFor({ ...due, askedAtMs: askedAt.getTime() }, due.keyId)
    // Its key is gone. Another key would make another code, of which nobody could say later that it was this one.
    if (code === undefined) return await mark(deps, due, 'given_up_at')
    const came = await deps.sender.send({ to, text: codeText(deviceId, code), id: `${deviceId}/${no}` })
    if (came === 'refused') deps.log.error({ deviceId, no }, 'the gateway refuses a code')
    await mark(deps, due, came === 'taken' ? 'sent_at' : 'given_up_at')
  } catch (error) {
    deps.log.warn({ deviceId, no, attempts, fault: faultOf(error) }, 'a code was not sent')
    const until = new Date(nowMs + backoffMs(FAILURE, attempts, deps.random()))
    await deps.pool.query(
      `UPDATE offline_consent_codes SET next_attempt_at = $3
       WHERE device_id = $1 AND no = $2 AND sent_at IS NULL AND given_up_at IS NULL`,
      [deviceId, no, until],
    )
  }
}

/** The lease is the time until it is due again. What a clock that was wrong put off further than any pause comes up too. */
async function claimDue(pool: pg.Pool, nowMs: number): Promise<readonly DueCode[]> {
  const { rows } = await pool.query<DueCode>(
    `WITH due AS (
       SELECT device_id, no FROM offline_consent_codes
       WHERE sent_at IS NULL AND given_up_at IS NULL AND refusal IS NULL
         AND (next_attempt_at <= $1 OR next_attempt_at > $4)
       ORDER BY next_attempt_at, device_id LIMIT $3 FOR UPDATE SKIP LOCKED)
     UPDATE offline_consent_codes c SET attempts = attempts + 1, next_attempt_at = $2
     FROM due WHERE (c.device_id, c.no) = (due.device_id, due.no)
     RETURNING c.device_id AS "deviceId", c.no, c.rev, c.thumbprint, c.wallet, c.tenant, c.asked_at AS "askedAt",
               c.until_at AS "untilAt", c.attempts, c.key_id AS "keyId"`,
    [new Date(nowMs), new Date(nowMs + LEASE_MS), PARALLEL_MAX, new Date(nowMs + PAUSE_MAX_MS)],
  )
  return rows.map((row) => ({ ...row, thumbprint: new Uint8Array(row.thumbprint) }))
}

async function recipientOf(settle: pg.Pool, { deviceId, no }: DueCode): Promise<string | undefined> {
  const { rows } = await settle.query<{ to: string | null }>('SELECT offline_code_recipient($1, $2) AS to', [
    ...[deviceId, no],
  ])
  return rows[0]?.to ?? undefined
}

async function mark(
  { pool, clock }: SendDeps,
  { deviceId, no }: DueCode,
  as: 'sent_at' | 'given_up_at',
): Promise<void> {
  const at = new Date(clock())
  await transact(pool, async (client) => {
    const { rowCount } = await client.query(
      `UPDATE offline_consent_codes SET ${as} = $3
       WHERE device_id = $1 AND no = $2 AND sent_at IS NULL AND given_up_at IS NULL`,
      [deviceId, no, at],
    )
    if (rowCount === 1) await announce(client, [{ deviceId }], at)
  })
}
