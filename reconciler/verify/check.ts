import type pg from 'pg'

/** Something that must hold of the whole book, as the query that finds what breaks it. */
export interface Check {
  readonly name: string
  /** What holds when the query finds nothing. */
  readonly promise: string
  /** Rows that break it, with the ids to find them by. Nothing personal: accounts go by number. */
  readonly sql: string
}

/** What a check found. */
export interface Finding {
  readonly check: string
  readonly promise: string
  /** How many; zero when it holds. */
  readonly found: number
  /** The first of them. */
  readonly examples: readonly object[]
  /** Of what nobody can say here whether it is right: an alarm, and no halt. */
  readonly unproven?: number
  /** Why it could not be checked here. */
  readonly skipped?: string
}

export async function runCheck(
  client: pg.ClientBase,
  { name, promise, sql }: Check,
  examplesMax: number,
  values: readonly unknown[] = [],
): Promise<Finding> {
  const { rows } = await client.query<{ found: number; example: object }>(
    // As JSON, because a book that is broken may hold numbers that do not fit anything else.
    `SELECT count(*) OVER () AS found, to_jsonb(v) AS example FROM (${sql}) v LIMIT ${examplesMax}`,
    [...values],
  )
  const finding: Finding = {
    check: name,
    promise,
    found: rows[0]?.found ?? 0,
    examples: rows.map((row) => row.example),
  }
  return finding
}
