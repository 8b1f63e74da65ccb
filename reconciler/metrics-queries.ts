import type pg from 'pg'

/** Numbers of the inbox, the outbox and what waits for people, as gauges and as `status` shows them. */
export interface InboxState {
  readonly pending: number
  /** Of these, waiting for something that has not come. */
  readonly waiting: number
  /** Since the oldest pending message arrived. */
  readonly oldestPendingSeconds: number
  /** Of the pending message that was tried most often. */
  readonly attemptsMax: number
  readonly parked: number
  /** Parked for 30 days: their bytes are gone. */
  readonly letGo: number
  /** Fetched from the dead letters, of those that are kept. */
  readonly deadLettered: number
  readonly untold: number
  /** Since the oldest of these changed. */
  readonly oldestUntoldSeconds: number
  /** Of people, that are not carried out: before their bundle, or for want of money. */
  readonly openResolutions: number
  /** Of these, beyond what one person may decide alone in a day. */
  readonly withheld: number
  readonly review: number
  readonly quarantined: number
  /** Since the oldest payment of these two waits: meanwhile its payer cannot spend the money. */
  readonly oldestWaitingSeconds: number
  /** Of these two, payments whose money is not held. */
  readonly unheld: number
  /** Payments that wait for their payer's word. */
  readonly claimed: number
  /** Payments whose device signed another content under the same number. */
  readonly conflicts: number
  /** Devices in use whose owner's wallet has no account in the ledger: nothing of them can be posted. */
  readonly withoutWallet: number
  readonly foreignWallet: number
  /** 1 while settlement is halted: nothing is posted. */
  readonly halted: number
}

/** Cheap enough for every scrape: each part reads a partial index over what is open, or the few copies, not the tables. */
export async function readInboxState(pool: pg.Pool, now: Date): Promise<InboxState> {
  const { rows } = await pool.query<InboxState>(
    `SELECT p.*, o.*, q.*, g.*, d.*, e.*, w.*, k.*, c.*, n.*, h.*
     FROM (SELECT count(*) AS pending, count(waiting_for) AS waiting, coalesce(max(attempts), 0) AS "attemptsMax",
                  greatest(0, coalesce(extract(epoch FROM $1::timestamptz - min(received_at)), 0))::float8 AS "oldestPendingSeconds"
           FROM offline_sync_queue WHERE status = 'pending') p,
          (SELECT count(*) AS parked FROM offline_sync_queue WHERE status = 'parked') q,
          (SELECT count(*) AS "letGo" FROM offline_sync_queue WHERE status = 'let_go') g,
          (SELECT count(*) AS "deadLettered" FROM offline_sync_queue WHERE dead_lettered_at IS NOT NULL) d,
          (SELECT count(*) AS untold,
                  greatest(0, coalesce(extract(epoch FROM now() - min(undelivered_since)), 0))::float8
                    AS "oldestUntoldSeconds"
           FROM offline_outbox WHERE delivered_version < version) o,
          (SELECT count(*) AS "openResolutions", count(*) FILTER (WHERE withheld_at IS NOT NULL AND alone_on IS NULL) AS withheld
           FROM offline_resolutions WHERE result IS NULL) e,
          (SELECT count(*) FILTER (WHERE status = 'review') AS review,
                  count(*) FILTER (WHERE status = 'quarantined') AS quarantined,
                  greatest(0, coalesce(extract(epoch FROM $1::timestamptz - min(waiting_since)), 0))::float8
                    AS "oldestWaitingSeconds",
                  count(*) FILTER (WHERE NOT is_held) AS unheld
           FROM offline_waiting_payments) w,
          (SELECT count(*) AS claimed FROM offline_transactions WHERE status = 'claimed') k,
          (SELECT count(*) AS conflicts FROM offline_conflicts) c,
          (SELECT count(*) FILTER (WHERE wallet_state = 'unknown') AS "withoutWallet",
                  count(*) FILTER (WHERE wallet_state = 'foreign') AS "foreignWallet"
           FROM offline_devices WHERE status <> 'revoked') n,
          (SELECT count(*) AS halted FROM settlement_halts WHERE ended_at IS NULL) h`,
    [now],
  )
  return rows[0] as InboxState
}
