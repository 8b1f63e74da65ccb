import type pg from 'pg'
import type { Action } from './request.ts'

export interface ListedRequest {
  readonly request_id: number
  readonly action: Action
  readonly reason: string | null
  /** Hex. */
  readonly digest: string
  readonly row_count: number
  readonly sums_minor: Readonly<Record<string, number>>
  readonly requested_by: string
  readonly requested_at: Date
  readonly expires_at: Date
  /** `waiting`, or how it ended. */
  readonly state: 'waiting' | 'done' | 'failed' | 'refused' | 'expired'
  readonly ended_by: string | null
}

/** The newest first. @param id this one alone */
export async function openRequests(
  client: pg.ClientBase,
  all: boolean,
  max: number,
  id?: number,
): Promise<readonly ListedRequest[]> {
  const { rows } = await client.query<ListedRequest>(
    `SELECT * FROM (
       SELECT request_id, action, reason, encode(digest, 'hex') AS digest, row_count, sums_minor, requested_by, requested_at,
              expires_at, ended_by, coalesce(ended_as, CASE WHEN expires_at <= now() THEN 'expired' ELSE 'waiting' END) AS state
       FROM wallet_core.account_requests WHERE digest IS NOT NULL) r
     WHERE ($1 OR state = 'waiting') AND ($3::bigint IS NULL OR request_id = $3)
     ORDER BY request_id DESC LIMIT $2`,
    [all, max, id ?? null],
  )
  return rows
}
