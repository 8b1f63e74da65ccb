import type pg from 'pg'
import type { Finding } from '../check.ts'

/** Of a reason, characters: the first examples are enough to begin with, and `verify` finds the rest. */
const REASON_CHARS_MAX = 2000

/** What is wrong, in one line a check. Nothing personal: checks name rows by ids. */
export function reasonOf(wrong: readonly Finding[]): string {
  const lines = wrong.map(
    ({ check, promise, found, examples }) =>
      `${check}: ${found} times not: ${promise}, as ${examples.map((one) => JSON.stringify(one)).join(' ')}`,
  )
  return lines.join('\n').slice(0, REASON_CHARS_MAX)
}

/** Nothing is posted from then on, by nobody. @returns the number of the halt that stands */
export async function haltSettlement(pool: pg.Pool, reason: string): Promise<number> {
  const { rows } = await pool.query<{ halt: number }>('SELECT halt_settlement($1) AS halt', [reason])
  const halt = rows[0]?.halt
  if (halt === undefined) throw new Error('settlement was not halted')
  return halt
}
