import type pg from 'pg'

/** A statement that Postgres parses once a connection. */
export interface Statement {
  readonly name: string
  readonly text: string
}

export async function run<R extends pg.QueryResultRow>(
  client: pg.ClientBase,
  statement: Statement,
  values: unknown[],
): Promise<R[]> {
  return (await client.query<R>({ ...statement, values })).rows
}

/**
 * @param isKept whether what came out is committed; otherwise nothing of it was
 * @throws what the work throws, after the transaction was rolled back
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  isKept: (result: T) => boolean = () => true,
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query(isKept(result) ? 'COMMIT' : 'ROLLBACK')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
