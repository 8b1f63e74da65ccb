import { parseArgs } from 'node:util'
import type pg from 'pg'
import * as z from 'zod'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../src/crypto/hmac.ts'
import { type BookConfig, parseBookConfig } from '../config.ts'
import { type Command, InvalidCall, operator, type Terminal, withPool } from './command.ts'

export const rebuild: Command = {
  summary: 'make the edge’s read model again from the Device Objects',
  help: `usage: rebuild (--device <id> … | --all [--after <id>]) --by <name> [--json]

  --device <id> this device, known to the registry or not; may be given more than once
  --all         every device of the registry, in the order of ids
  --after <id>  go on after this one, as the run before said
  --by <name>   who does it, for the audit log

READ_DATABASE_URL, EDGE_URL, INTERNAL_HMAC_KEY. May be repeated at any time, also beside itself: rows that are right are not
touched. Exit 1 when the edge did not answer; what was done until then is done.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        device: { type: 'string', multiple: true },
        all: { type: 'boolean', default: false },
        after: { type: 'string' },
        by: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    if ((values.device !== undefined) === values.all) throw new InvalidCall('one of --device and --all')
    if (values.after !== undefined && !values.all) throw new InvalidCall('--after goes with --all')
    const by = operator(values.by)
    const config = parseBookConfig(terminal.env)
    if (config.edge === undefined) throw new InvalidCall('EDGE_URL and INTERNAL_HMAC_KEY are not set')
    const edge = await openRebuild(config.edge, by, terminal)
    const { device, after } = values
    const done = await withPool(config.login, (pool) =>
      rebuildAll(device === undefined ? registered(pool, after) : given(device), edge, terminal),
    )
    terminal.clear()
    terminal.print(values.json ? JSON.stringify(done) : textOf(done))
    return done.failed === null && !done.stopped ? 0 : 1
  },
}

interface Done {
  devices: number
  /** Rows that were not as the objects have them, and rows that were missing or such. */
  removed: number
  written: number
  /** Named by rows of the read model, or by whoever called, and known to no object. */
  unregistered: string[]
  /** The last device that is done. */
  last: string | null
  failed: { readonly device: string; readonly why: string } | null
  stopped: boolean
}

interface Found {
  readonly id: string
  readonly total: number
}

async function rebuildAll(
  devices: AsyncIterable<Found> | Iterable<Found>,
  edge: (deviceId: string) => Promise<Answer>,
  terminal: Terminal,
): Promise<Done> {
  const stop = terminal.stopSignal()
  const empty = { devices: 0, removed: 0, written: 0, unregistered: [], last: null, failed: null, stopped: false }
  const done: Done = empty
  for await (const { id, total } of devices) {
    if (stop.aborted) return { ...done, stopped: true }
    try {
      const { registered, removed, written } = await edge(id)
      done.removed += removed
      done.written += written
      if (!registered) done.unregistered.push(id)
    } catch (error) {
      return { ...done, failed: { device: id, why: error instanceof Error ? error.message : 'unknown' } }
    }
    done.devices++
    done.last = id
    terminal.progress('devices', done.devices, total)
  }
  return done
}

const given = (ids: readonly string[]): Found[] => ids.map((id) => ({ id, total: ids.length }))

const PAGE = 500

async function* registered(pool: pg.Pool, after = ''): AsyncGenerator<Found> {
  const count = 'SELECT count(*)::int AS n FROM offline_devices WHERE device_id COLLATE "C" > $1'
  const page =
    'SELECT device_id FROM offline_devices WHERE device_id COLLATE "C" > $1 ORDER BY device_id COLLATE "C" LIMIT $2'
  const total = (await pool.query<{ n: number }>(count, [after])).rows[0]?.n ?? 0
  for (let last = after; ; ) {
    const { rows } = await pool.query<{ device_id: string }>(page, [last, PAGE])
    for (const { device_id } of rows) yield { id: device_id, total }
    const end = rows.at(-1)?.device_id
    if (end === undefined || rows.length < PAGE) return
    last = end
  }
}

const answer = z.object({
  registered: z.boolean(),
  removed: z.int().nonnegative(),
  written: z.int().nonnegative(),
  next: z.object({ seq: z.int(), audit_id: z.int() }).nullable(),
})
type Answer = z.output<typeof answer>

const CALL_TIMEOUT_MS = 30_000
/** Of one piece: an object or D1 that starts anew answers the next. */
const ATTEMPTS = 3
const PATH = '/internal/rebuild'

/** @returns makes one device again, piece by piece; throws when the edge does not do it */
async function openRebuild(edge: NonNullable<BookConfig['edge']>, by: string, terminal: Terminal) {
  const key = await importHmacKey(edge.hmacSecret)
  const run = `${terminal.clock().toString(36)}-${terminal.random().toString(36).slice(2).padEnd(8, '0')}`
  const ask = async (asked: Readonly<Record<string, string>>): Promise<Answer> => {
    const url = new URL(PATH, edge.url)
    url.search = new URLSearchParams(asked).toString()
    const call = { method: 'POST', path: url.pathname + url.search, body: new Uint8Array() }
    const headers = { [SERVICE_HEADER]: await signServiceCall(key, call, terminal.clock()) }
    const response = await terminal.fetch(url, {
      ...{ method: 'POST', headers },
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    if (response.ok) return answer.parse(await response.json())
    await response.body?.cancel()
    throw new Error(`the edge answered ${response.status}`)
  }
  const insistently = async (asked: Readonly<Record<string, string>>): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(asked)
      } catch (error) {
        if (attempt === ATTEMPTS) throw error
      }
    }
  }
  return async (deviceId: string): Promise<Answer> => {
    let asked: Record<string, string> = { device_id: deviceId, run, by }
    for (;;) {
      const { next, ...said } = await insistently(asked)
      if (next === null) return { ...said, next }
      const { removed, written } = said
      const places = { seq: next.seq, audit_id: next.audit_id, removed, written }
      asked = { ...asked, ...Object.fromEntries(Object.entries(places).map(([name, value]) => [name, `${value}`])) }
    }
  }
}

function textOf({ devices, removed, written, unregistered, last, failed, stopped }: Done): string {
  return [
    `${devices} devices made again: ${removed} rows were wrong, ${written} written`,
    ...unregistered.map((id) => `${id} has no object: its rows are gone`),
    ...(failed === null ? [] : [`${failed.device}: ${failed.why}`]),
    ...(failed === null && !stopped ? [] : [last === null ? 'nothing was done' : `go on with --all --after ${last}`]),
  ].join('\n')
}
