import { parseArgs } from 'node:util'
import type pg from 'pg'
import { parseBookConfig } from '../config.ts'
import type { Parked } from '../pull/inbox.ts'
import { type Command, InvalidCall, operator, positiveInteger, withPool } from './command.ts'

/** All that the inbox can park. The compiler asks for a kind that is missing here: people must be able to let each go on. */
const KINDS: Readonly<Record<Parked['kind'], string>> = {
  bundle: 'payments',
  device: 'facts of devices',
  review: 'what people said of payments that waited',
  reversal: 'what people want undone',
  claim_answer: 'answers of holders to claims',
  mandate: 'mandates of holders',
  allowance_order: 'orders of holders about allowances',
  unreadable: 'what nobody can read, or the edge did not sign',
}

const kindLine = ([kind, what]: readonly [string, string]) => `${' '.repeat(16)}${kind.padEnd(12)}  ${what}`

export const release: Command = {
  summary: 'let parked messages of the inbox go on',
  help: `usage: release (--id <n> … | --kind <kind> | --fault <text> | --all) --by <name> [--json]

  --id <n>      this message; may be given more than once
  --kind <kind> all of a kind:
${Object.entries(KINDS).map(kindLine).join('\n')}
  --fault <text> all whose fault begins so
  --all         all that are parked
  --by <name>   who does it, for the audit log

RECORD_DATABASE_URL. Released messages are due at once with their attempts counted afresh; a running reconciler takes them, or
\`once\`. What was parked for a good reason is parked again.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        id: { type: 'string', multiple: true },
        kind: { type: 'string' },
        fault: { type: 'string' },
        all: { type: 'boolean', default: false },
        by: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const ids = values.id?.map((id) => positiveInteger(id, '--id'))
    const { kind, fault } = values
    const chosen = [ids, kind, fault, values.all || undefined].filter((one) => one !== undefined)
    if (chosen.length !== 1) throw new InvalidCall('one of --id, --kind, --fault and --all')
    if (kind !== undefined && !Object.hasOwn(KINDS, kind)) throw new InvalidCall(`no such kind: ${kind}`)
    const by = operator(values.by)
    const { login } = parseBookConfig(terminal.env, 'record')
    const released = await withPool(login, (pool) =>
      releaseParked(pool, { ids, kind, fault }, by, new Date(terminal.clock())),
    )
    terminal.print(
      values.json ? JSON.stringify({ released }) : [...released.map(lineOf), `${released.length} released`].join('\n'),
    )
    // A message that was named and is not parked: somebody should look.
    return ids !== undefined && released.length < new Set(ids).size ? 1 : 0
  },
}

export interface ReleasedRow {
  readonly id: number
  readonly kind: string
  readonly device_id: string | null
  /** Why it was parked. */
  readonly fault: string | null
}

interface Choice {
  readonly ids?: readonly number[] | undefined
  readonly kind?: string | undefined
  readonly fault?: string | undefined
}

/** One statement: what is released is on record with who did it, or neither is. */
export async function releaseParked(
  pool: pg.Pool,
  { ids, kind, fault }: Choice,
  actor: string,
  at: Date,
): Promise<readonly ReleasedRow[]> {
  const { rows } = await pool.query<ReleasedRow>(
    `WITH chosen AS (
       SELECT id, kind, device_id, last_error AS fault FROM offline_sync_queue
       WHERE status = 'parked' AND ($1::bigint[] IS NULL OR id = ANY ($1)) AND ($2::text IS NULL OR kind = $2)
         AND ($3::text IS NULL OR starts_with(last_error, $3))
       ORDER BY id FOR UPDATE
     ), released AS (
       UPDATE offline_sync_queue q SET status = 'pending', parked_at = NULL, attempts = 0, failures = 0, next_retry_at = $4
       FROM chosen WHERE q.id = chosen.id RETURNING chosen.*
     ), audited AS (
       INSERT INTO offline_audit_logs (stream, at, actor, action, device_id, detail)
       SELECT stream, $4, $5, 'inbox_released', device_id,
              jsonb_build_object('inbox', id, 'kind', kind, 'fault', fault)
       -- Streams in the order in which posting locks them.
       FROM (SELECT *, coalesce('device:' || device_id, 'inbox') AS stream FROM released) r
       ORDER BY stream COLLATE "C", id
     )
     SELECT * FROM released ORDER BY id`,
    [ids ?? null, kind ?? null, fault ?? null, at, actor],
  )
  return rows
}

const lineOf = ({ id, kind, device_id, fault }: ReleasedRow) =>
  `${String(id).padStart(8)}  ${kind.padEnd(12)}  ${device_id ?? '-'}  was parked: ${fault ?? '-'}`
