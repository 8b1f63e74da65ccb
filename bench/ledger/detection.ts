import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReconcilerProcess } from '../../dev/reconciler-process.ts'
import { KINDS, type Kind, planted } from '../../test/attacks/ledger/kinds.ts'
import { scene } from '../../test/attacks/ledger/planted.ts'
import type { Database } from '../../test/reconciler/open-database.ts'
import { median } from '../edge/stats.ts'
import type { Row } from './figures.ts'
import { type Copy, type HonestBook, honestBook, postedIn } from './honest-book.ts'
import type { Options } from './options.ts'
import type { Server } from './server.ts'

/**
 * How soon the verifier stops settlement. Payments are posted at a steady pace, and each kind of wrong posting of test/attacks/ledger
 * is planted behind the reconciler's back, one at a time, each in a copy of the same book, beside a verifier that has just
 * started: it looks at the whole book meanwhile. Timed from before the attacker's first statement to the commit of the halt.
 */
const TARGET_MS = 5000
/** How long bundles come: the start of the verifier, the honest payment before the wrong one, and the target. */
const LOAD_SECONDS = 12
/** What is not found by then is not found. */
const GIVEN_UP_MS = 30_000

export async function detection(server: Server, options: Options): Promise<Row> {
  const { pushesPerSecond, kindsMax, plantedBookPayments } = options
  const book = await honestBook(server, plantedBookPayments, pushesPerSecond * LOAD_SECONDS)
  const logs = await mkdtemp(join(tmpdir(), 'molam-bench-verifier-'))
  const tried: Detected[] = []
  for (const [no, kind] of KINDS.slice(0, kindsMax).entries()) {
    tried.push(await detect(book, kind, pushesPerSecond, { name: `planted_${no}`, logs }))
  }
  await rm(logs, { recursive: true, force: true })
  const times = tried.flatMap(({ ms }) => (ms === undefined ? [] : [ms]))
  const [share, longest] = [(times.length / tried.length) * 100, Math.max(...times)]
  const perSecond = Math.round(median(tried.map((one) => one.perSecond)))
  const lost = tried.filter(({ ms }) => ms === undefined).map(({ what }) => what)
  return {
    figure: 'wrong postings found under load, until settlement is halted',
    target: '100 %, at most 5 s',
    value: `${Math.floor(share)} % of ${tried.length}, at most ${seconds(longest)}`,
    met: share === 100 && longest <= TARGET_MS,
    beside: `median ${seconds(median(times))}; ${perSecond} payments/s posted meanwhile, ${book.payments} in the book, which a verifier that has just started reads as a whole meanwhile${lost.length > 0 ? `; not found: ${lost.join('; ')}` : ''}`,
    raw: { tried },
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

interface Detected {
  readonly what: string
  /** Undefined: not found. */
  readonly ms: number | undefined
  /** Payments that were posted meanwhile. */
  readonly perSecond: number
}

/** @param place of its own: the name of the copy, and where its verifier's log goes */
async function detect(
  book: HonestBook,
  kind: Kind,
  bundlesPerSecond: number,
  { name, logs }: { readonly name: string; readonly logs: string },
): Promise<Detected> {
  const copy = await book.copy(name)
  const { database, world } = copy
  const stop = new AbortController()
  const settling = (await world.reconciler()).run(stop.signal)
  const [sending, startedMs] = [send(copy, book, bundlesPerSecond, stop.signal), Date.now()]
  const verifier = await startVerifier(copy, join(logs, `${name}.log`))
  try {
    const [set] = await Promise.all([scene(world, database), verifier.followed()])
    const early = await haltOf(database)
    if (early) throw new Error(`settlement was halted before anything was wrong: ${early.reasons}`)
    const [posted, loadMs] = [(await postedIn(database)) - book.payments, Date.now() - startedMs]
    const stood = await planted(kind, set)
    const halt = await halted(database, stood ? `${kind.check}: ` : ': ')
    return {
      what: kind.what,
      ms: halt && Math.round(halt.at - (set.attackedAtMs ?? Number.NaN)),
      perSecond: Math.round((posted / loadMs) * 1000),
    }
  } finally {
    stop.abort()
    await Promise.all([verifier.stop(), settling, sending])
    await copy.close()
  }
}

/** Whatever becomes of them: who posts does not slow down who sells. */
async function send({ world }: Copy, { next }: HonestBook, perSecond: number, signal: AbortSignal): Promise<void> {
  const startMs = Date.now()
  for (const [i, bundle] of next.entries()) {
    await sleep(Math.max(0, startMs + (i * 1000) / perSecond - Date.now()))
    if (signal.aborted) return
    world.network.send(bundle)
  }
}

/** A process of its own, as in production, with no more settings than it needs. */
async function startVerifier({ world: { env } }: Copy, log: string) {
  const { READ_DATABASE_URL = '', EDGE_KEYS = '', KEY_WRAPPING_SECRET = '', CONSENT_CODE_KEY = '' } = env
  const port = await freePort()
  const settings = { READ_DATABASE_URL, EDGE_KEYS, KEY_WRAPPING_SECRET, CONSENT_CODE_KEY, METRICS_PORT: String(port) }
  const verifier = new ReconcilerProcess(settings, log, 'verifier')
  return {
    stop: () => verifier.stop(),
    /** It has looked once: from here on it owes what is new. */
    async followed() {
      for (let endMs = Date.now() + GIVEN_UP_MS; Date.now() < endMs; await sleep(20)) {
        const metrics = await fetch(`http://127.0.0.1:${port}/metrics`).then(
          (answer) => answer.text(),
          () => '',
        )
        if (/^offline_verifier_last_round_timestamp_seconds [1-9]/m.test(metrics)) return
      }
      throw new Error('the verifier does not start')
    },
  }
}

interface Halt {
  /** When it was committed. */
  readonly at: number
  readonly reasons: string
}

async function halted(database: Database, reason: string): Promise<Halt | undefined> {
  for (let endMs = Date.now() + GIVEN_UP_MS; Date.now() < endMs; await sleep(20)) {
    const halt = await haltOf(database)
    if (halt?.reasons.includes(reason)) return halt
  }
  return undefined
}

/** The halt that stands, with all that was found meanwhile. */
async function haltOf({ owner }: Database): Promise<Halt | undefined> {
  const { rows } = await owner.query<Halt>(
    `SELECT extract(epoch FROM pg_xact_commit_timestamp(h.xmin))::float8 * 1000 AS at,
            (SELECT string_agg(l.detail ->> 'reason', E'\\n') FROM offline_audit_logs l
             WHERE l.stream = 'settlement' AND (l.detail ->> 'halt')::bigint = h.halt_id) AS reasons
     FROM settlement_halts h WHERE h.ended_at IS NULL`,
  )
  return rows[0]
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
