import { constants } from 'node:fs'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type CryptoKey, type FlattenedJWS, FlattenedSign, flattenedVerify } from 'jose'
import type pg from 'pg'
import * as z from 'zod'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toHex, utf8 } from '../../src/protocol/bytes.ts'
import { transact, unhurried } from '../db.ts'

/**
 * Checkpoints of the audit chains, outside the database: a file to which a line is added each day. A line is a JWS
 * (RFC 7515, flattened, ES256) over the heads of the streams that grew since the line before, the totals, and that
 * line's hash. Whoever can rewrite the database can make whole chains again, but not the lines that name their old heads.
 *
 * The signing key is of its own and only its public part is needed to check: with an HMAC whoever checks could forge.
 * Lines cut off the end of the file show only against a copy: keep it where nothing can be deleted (an object lock).
 */
const head = z.tuple([z.string(), z.int().positive(), z.string().regex(/^[0-9a-f]{64}$/)])
const content = z.strictObject({
  v: z.literal(1),
  no: z.int().positive(),
  at: z.iso.datetime(),
  /** SHA-256 over the line before, hex; empty for the first. */
  prev: z.string(),
  /** Rows of tables that only ever grow. */
  totals: z.record(z.string(), z.int().nonnegative()),
  /** `[stream, seq, hash]` of each stream that grew. */
  heads: z.array(head),
})
export type Checkpoint = z.infer<typeof content>
const jws = z.strictObject({ protected: z.string(), payload: z.string(), signature: z.string() })

/** Where a stream stood; the hash in hex. */
export type Head = z.infer<typeof head>

/** The file was changed: a line does not verify, or lines are missing, moved or added. */
export class CheckpointsBroken extends Error {
  override name = 'CheckpointsBroken'
}

const HEADER = { alg: 'ES256', typ: 'molam-checkpoint' } as const

/** What the lines of a file say together. */
export interface Checkpoints {
  readonly lines: number
  readonly last: Checkpoint | undefined
  readonly lastHash: string
  /** All of them, not only the newest: a stream that was made again may have been seen since. */
  readonly heads: readonly Head[]
  /** Bytes of whole lines. What follows them is the beginning of a line whose writer died. */
  readonly bytes: number
}

/** @throws CheckpointsBroken */
export async function readCheckpoints(file: string, key: CryptoKey): Promise<Checkpoints> {
  const text = await textOf(file)
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole.split('\n').slice(0, -1)
  const heads: Head[] = []
  let last: Checkpoint | undefined
  let lastHash = ''
  for (const [i, line] of lines.entries()) {
    const checkpoint = await openLine(line, key).catch(() => {
      throw new CheckpointsBroken(`line ${i + 1} does not verify`)
    })
    if (checkpoint.no !== i + 1 || checkpoint.prev !== lastHash)
      throw new CheckpointsBroken(`line ${i + 1} is out of place`)
    heads.push(...checkpoint.heads)
    last = checkpoint
    lastHash = await hashOf(line)
  }
  return { lines: lines.length, last, lastHash, heads, bytes: utf8(whole).length }
}

interface CheckpointKeys {
  readonly sign: CryptoKey
  readonly verify: CryptoKey
}

/** Any fixed number: whoever adds a line takes the same advisory lock, so that no two lines have one number. */
const CHECKPOINT_LOCK = 8_098_002

/** Adds a line if it is due after the last one. @returns it, or undefined when it is not */
export async function writeCheckpoint(
  pool: pg.Pool,
  file: string,
  keys: CheckpointKeys,
  at: Date,
  isDue: (last: Checkpoint | undefined) => boolean = () => true,
): Promise<Checkpoint | undefined> {
  const write = async (client: pg.ClientBase) => {
    // The lock is this file's own: nobody who posts waits for it.
    await client.query('SELECT pg_advisory_xact_lock($1)', [CHECKPOINT_LOCK])
    const before = await readCheckpoints(file, keys.verify)
    if (!isDue(before.last)) return undefined
    // One after the other: all of it only grows, so what came in between is in the next line.
    const now = await readHeads(client)
    const totals = await readTotals(client)
    const seen = new Map(before.heads.map(([stream, seq]) => [stream, seq]))
    const checkpoint: Checkpoint = {
      v: 1,
      no: before.lines + 1,
      at: at.toISOString(),
      prev: before.lastHash,
      totals,
      heads: now.filter(([stream, seq]) => seq > (seen.get(stream) ?? 0)),
    }
    const signed = await new FlattenedSign(utf8(JSON.stringify(checkpoint))).setProtectedHeader(HEADER).sign(keys.sign)
    await appendAt(file, before.bytes, `${JSON.stringify(signed)}\n`)
    return checkpoint
  }
  return transact(pool, (client) => unhurried(client, () => write(client)))
}

const dayOf = (at: string) => at.slice(0, 'YYYY-MM-DD'.length)

/**
 * A step that writes the checkpoint of each day (UTC) once; @returns 1 when it did. A line of another day is due whether
 * that day is over or has not come yet: one clock that ran ahead must not end the checkpoints until then.
 *
 * @param onLast told when the newest line was written, by whoever wrote it
 */
export function dailyCheckpoint(
  pool: pg.Pool,
  file: string,
  keys: CheckpointKeys,
  clock: () => number,
  onLast: (atMs: number) => void = () => undefined,
): () => Promise<number> {
  let done = ''
  return async () => {
    const at = new Date(clock())
    const today = dayOf(at.toISOString())
    if (today === done) return 0
    let known: Checkpoint | undefined
    const written = await writeCheckpoint(pool, file, keys, at, (last) => {
      known = last
      return last === undefined || dayOf(last.at) !== today
    })
    done = today
    const newest = written ?? known
    if (newest) onLast(Date.parse(newest.at))
    return written === undefined ? 0 : 1
  }
}

/** Writes at the end of the whole lines, over the torn rest of a line if there is one. */
async function appendAt(file: string, bytes: number, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT, 0o600)
  try {
    await handle.truncate(bytes)
    await handle.write(line, bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function openLine(line: string, key: CryptoKey): Promise<Checkpoint> {
  const { payload } = await flattenedVerify(jws.parse(JSON.parse(line)) as FlattenedJWS, key, { algorithms: ['ES256'] })
  return content.parse(JSON.parse(new TextDecoder().decode(payload)))
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

const hashOf = async (line: string) => toHex(await webCryptoSuite.sha256(utf8(line)))

/** The last record of each stream. */
async function readHeads(client: pg.ClientBase): Promise<readonly Head[]> {
  const { rows } = await client.query<{ stream: string; seq: number; hash: string }>(
    `SELECT DISTINCT ON (stream) stream, seq, encode(hash, 'hex') AS hash FROM offline_audit_logs
     ORDER BY stream, seq DESC`,
  )
  return rows.map(({ stream, seq, hash }) => [stream, seq, hash])
}

/** Tables whose rows are never deleted. */
const GROWING = {
  audit_records: 'offline_audit_logs',
  transfers: 'wallet_core.transfers',
  entries: 'wallet_core.entries',
  holds: 'wallet_core.holds',
  bundles: 'offline_tx_bundles',
  signed_bundles: 'offline_signed_bundles',
  payments: 'offline_transactions',
} as const

export async function readTotals(client: pg.ClientBase): Promise<Record<string, number>> {
  const counts = Object.entries(GROWING).map(([name, table]) => `(SELECT count(*) FROM ${table}) AS ${name}`)
  const { rows } = await client.query<Record<string, number>>(`SELECT ${counts.join(', ')}`)
  return rows[0] ?? {}
}
