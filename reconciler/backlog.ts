import type pg from 'pg'

/** What has not gone all the way yet. */
export interface Backlog {
  /** Inbox messages to be done, including those in a pause. */
  readonly pending: number
  /** Of these, waiting for a device, a policy or a payer's device. */
  readonly waiting: number
  /** Inbox messages that only a person can move on. */
  readonly parked: number
  /** Resolutions of people that are not carried out: before their bundle, or for want of money. */
  readonly resolutions: number
  /** Bundles, resolutions and devices that the edge has not been told the newest of. */
  readonly untold: number
}

export async function readBacklog(pool: pg.Pool): Promise<Backlog> {
  const { rows } = await pool.query<Backlog>(
    `SELECT (SELECT count(*) FROM offline_sync_queue WHERE status = 'pending') AS pending,
            (SELECT count(*) FROM offline_sync_queue WHERE status = 'pending' AND waiting_for IS NOT NULL) AS waiting,
            (SELECT count(*) FROM offline_sync_queue WHERE status = 'parked') AS parked,
            (SELECT count(*) FROM offline_resolutions WHERE result IS NULL) AS resolutions,
            (SELECT count(*) FROM offline_outbox WHERE delivered_version < version) AS untold`,
  )
  return rows[0] as Backlog
}
