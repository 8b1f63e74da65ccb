import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import type { DeniedPass } from '../../src/protocol/denied.ts'
import type { ListedPass } from './listing.ts'

/**
 * SQL of the passes that takers must not believe any more, each as it was changed last: a change has the next version, and takes the place
 * of the one before about the same key. What is over by its date is let go: whoever was told of it knows the date.
 */
interface Row extends Record<string, SqlStorageValue> {
  readonly kid: ArrayBuffer
  readonly until: number
  readonly is_denied: number
}

const INSERT = 'INSERT INTO denied (kid, device_id, until, is_denied) VALUES (?, ?, ?, ?)'

/** @param passes all of the device that are denied now */
export function keepDenied(sql: SqlStorage, deviceId: string, passes: readonly ListedPass[], nowMs: number): void {
  sql.exec('DELETE FROM denied WHERE until <= ?', nowMs)
  const known = sql.exec<Row>('SELECT kid, until, is_denied FROM denied WHERE device_id = ?', deviceId).toArray()
  const before = new Map(known.map((row) => [toHex(new Uint8Array(row.kid)), row]))
  const write = (kid: string, untilMs: number, isDenied: number) => {
    const bytes = new Uint8Array(fromHex(kid)).buffer
    sql.exec('DELETE FROM denied WHERE kid = ?', bytes)
    sql.exec(INSERT, bytes, deviceId, untilMs, isDenied)
  }
  for (const { kid, untilMs } of passes) {
    const same = before.get(kid)
    if (untilMs > nowMs && (same?.is_denied !== 1 || same.until !== untilMs)) write(kid, untilMs, 1)
  }
  const denied = new Set(passes.map(({ kid }) => kid))
  for (const [kid, { until, is_denied }] of before) if (is_denied === 1 && !denied.has(kid)) write(kid, until, 0)
}

/** In the order of their versions. */
export const readDenied = (sql: SqlStorage, limit: number, nowMs: number): readonly DeniedPass[] =>
  sql
    .exec<Row & { version: number }>(
      'SELECT version, kid, until, is_denied FROM denied WHERE until > ? ORDER BY version DESC LIMIT ?',
      nowMs,
      limit,
    )
    .toArray()
    .reverse()
    .map(({ version, kid, until, is_denied }) => {
      return { version, kid: new Uint8Array(kid), untilMs: until, isDenied: is_denied === 1 }
    })
