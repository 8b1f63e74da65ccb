import type pg from 'pg'
import { inOneGo } from '../operator-session.ts'
import type { CsvRow } from './csv.ts'

export type Action = 'open' | 'fund' | 'freeze' | 'unfreeze' | 'tariff'

/** What a person asks for. */
export interface Asked {
  readonly action: Action
  /** Of a freeze and its end. */
  readonly reason?: string | undefined
  readonly rows: AsyncIterable<CsvRow> | Iterable<CsvRow>
}

/** A request as the database tells of it. */
export interface Told {
  readonly answer: string
  readonly request_id?: number
  readonly action?: Action
  readonly digest?: string
  readonly row_count?: number
  readonly sums_minor?: Readonly<Record<string, number>>
  readonly requested_by?: string
  readonly expires_at?: string
  readonly ended_by?: string
  readonly ended_at?: string
  /** Rows that were done by an earlier request, and that this one leaves as they are. */
  readonly done_before?: number
  /** The first rows that cannot be done any more, with why. */
  readonly faults?: readonly (readonly [line: number, fault: string])[]
}

export interface RowFault {
  readonly line: number
  readonly fault: string
}

export interface ShownRow {
  readonly line: number
  readonly content: Readonly<Record<string, string>>
}

export type Answer =
  | { readonly kind: 'faults'; readonly faults: readonly RowFault[] }
  | { readonly kind: 'told'; readonly told: Told; readonly first: readonly ShownRow[] }

/** Rows that go to the database in one statement. */
const CHUNK_ROWS = 1000
export const SHOWN_ROWS = 5

/**
 * Writes a request: what is to be done, row by row, for another person to approve. One transaction, so a process that dies
 * leaves none; to ask again is harmless, because what waits already is found by its digest and what was done is left out.
 *
 * @param tentatively all of it happens, and is taken back
 */
export function ask(client: pg.ClientBase, { action, reason, rows }: Asked, tentatively: boolean): Promise<Answer> {
  return takenBack(client, tentatively, async () => {
    const id = await one<number>(client, 'wallet_core.begin_account_request($1, $2)', [action, reason ?? null])
    const faults = await addRows(client, id, rows)
    const { rows: found } = await client.query<RowFault>('SELECT * FROM wallet_core.check_account_request($1)', [id])
    const all = [...faults, ...found].sort((a, b) => a.line - b.line)
    if (all.length > 0) return { kind: 'faults', faults: all }
    const told = await one<Told>(client, 'wallet_core.submit_account_request($1)', [id])
    return { kind: 'told', told, first: await showRows(client, id, SHOWN_ROWS, false) }
  })
}

/** Only a request that was submitted stays. */
async function takenBack(client: pg.ClientBase, tentatively: boolean, work: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined
  try {
    return await inOneGo(client, tentatively, async () => {
      answer = await work()
      if (answer.kind !== 'told' || answer.told.answer !== 'submitted') throw new TakenBack()
      return answer
    })
  } catch (error) {
    if (error instanceof TakenBack && answer !== undefined) return answer
    throw error
  }
}

class TakenBack extends Error {}

async function addRows(client: pg.ClientBase, id: number, rows: Asked['rows']): Promise<readonly RowFault[]> {
  const faults: RowFault[] = []
  let lines: number[] = []
  let contents: string[] = []
  const flush = async () => {
    await client.query('SELECT wallet_core.add_account_request_rows($1, $2, $3::jsonb[])', [id, lines, contents])
    lines = []
    contents = []
  }
  for await (const { line, content } of rows) {
    if (typeof content === 'string') {
      faults.push({ line, fault: content })
      continue
    }
    lines.push(line)
    contents.push(JSON.stringify(content))
    if (lines.length === CHUNK_ROWS) await flush()
  }
  if (lines.length > 0) await flush()
  return faults
}

export async function showRows(
  client: pg.ClientBase,
  id: number,
  max: number,
  unmasked: boolean,
): Promise<readonly ShownRow[]> {
  const { rows } = await client.query<ShownRow>('SELECT * FROM wallet_core.show_account_request($1, $2, $3)', [
    ...[id, max, unmasked],
  ])
  return rows
}

/** The value of one function of the database. */
export async function one<T>(client: pg.ClientBase, call: string, values: readonly unknown[]): Promise<T> {
  const { rows } = await client.query<{ value: T }>(`SELECT ${call} AS value`, [...values])
  if (rows[0] === undefined) throw new Error('no answer')
  return rows[0].value
}
