import type pg from 'pg'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type InboxState, readInboxState } from './metrics-queries.ts'
import type { NotBelieved } from './not-believed.ts'
import type { StatusCount } from './settle/status-counts.ts'

/** Prometheus metrics of one reconciler. No labels with ids: their number has a bound. */
export interface Metrics {
  /** A step of a loop ended; without a count it failed. */
  step(loop: string, seconds: number, count: number | undefined): void
  settled(counts: readonly StatusCount[]): void
  /** A row was read that nobody has signed. */
  notBelieved(what: NotBelieved): void
  /** When the newest checkpoint of the audit chains was signed. */
  checkpoint(atMs: number): void
  /** In the text format, with the gauges as the database has them now. */
  expose(): Promise<string>
  readonly contentType: string
}

/** From one small batch to one that waits for a lock until its timeout. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function newMetrics(pool: pg.Pool, clock: () => number): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const duration = new Histogram({
    name: 'offline_reconciliation_duration_seconds',
    help: 'Time of a step that had work to do, or failed',
    labelNames: ['loop', 'result'],
    buckets: BUCKETS,
    registers,
  })
  const attempts = new Counter({
    name: 'offline_reconciliation_attempts_total',
    help: 'Messages taken: from the queue, from the inbox, devices told',
    labelNames: ['loop'],
    registers,
  })
  const payments = new Counter({
    name: 'offline_payments_total',
    help: 'Payments that this reconciler brought to a status, by type; a payment that people resolved counts again',
    labelNames: ['type', 'result'],
    registers,
  })
  const notBelieved = new Counter({
    name: 'offline_not_believed_total',
    help: 'Rows that were read and that nobody has signed; they give nothing',
    labelNames: ['what'],
    registers,
  })
  const checkpointed = new Gauge({
    name: 'offline_checkpoint_last_timestamp_seconds',
    help: 'When the newest checkpoint of the audit chains was signed; 0 when this reconciler keeps none',
    registers,
  })
  const up = new Gauge({ name: 'offline_database_up', help: 'Whether the last scrape could read Postgres', registers })
  const gauges = Object.entries(GAUGES).map(([field, [name, help]]) => ({
    field: field as keyof InboxState,
    gauge: new Gauge({ name, help, registers }),
  }))

  return {
    step(loop, seconds, count) {
      if (count === 0) return
      duration.observe({ loop, result: count === undefined ? 'failed' : 'done' }, seconds)
      if (count !== undefined) attempts.inc({ loop }, count)
    },
    settled(counts) {
      for (const { type, status, count } of counts) payments.inc({ type, result: status }, count)
    },
    notBelieved: (what) => notBelieved.inc({ what }),
    checkpoint: (atMs) => checkpointed.set(atMs / 1000),
    async expose() {
      try {
        const state = await readInboxState(pool, new Date(clock()))
        for (const { field, gauge } of gauges) gauge.set(state[field])
        up.set(1)
      } catch {
        // Old numbers must not pass for new ones.
        for (const { gauge } of gauges) gauge.reset()
        up.set(0)
      }
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}

const GAUGES: Readonly<Record<keyof InboxState, readonly [name: string, help: string]>> = {
  pending: ['offline_inbox_pending', 'Messages in the inbox that are to be done'],
  waiting: ['offline_inbox_waiting', 'Of these, waiting for a device, a policy or a payer’s device'],
  oldestPendingSeconds: ['offline_inbox_oldest_seconds', 'Since the oldest pending message arrived'],
  attemptsMax: ['offline_inbox_attempts_max', 'Of the pending message that was tried most often'],
  parked: ['offline_inbox_parked', 'Messages that only a person can let go on'],
  letGo: ['offline_inbox_let_go', 'Messages that were parked for 30 days: their bytes are gone'],
  deadLettered: ['offline_inbox_dead_lettered', 'Messages that came from the dead letters, of those that are kept'],
  openResolutions: ['offline_resolutions_open', 'Resolutions of people that are not carried out'],
  withheld: ['offline_resolutions_withheld', 'Of these, beyond what one person may decide alone in a day'],
  untold: ['offline_outbox_untold', 'Bundles, resolutions and devices that the edge has not been told the newest of'],
  oldestUntoldSeconds: ['offline_outbox_oldest_seconds', 'Since the oldest of these changed'],
  review: ['offline_payments_in_review', 'Payments that wait for a reviewer'],
  quarantined: ['offline_payments_quarantined', 'Payments held back for a person'],
  claimed: ['offline_payments_claimed', 'Payments that wait for the word of their payer'],
  oldestWaitingSeconds: ['offline_payments_waiting_oldest_seconds', 'Since the oldest payment of these two waits'],
  conflicts: ['offline_conflicts', 'Payments whose device signed another content under the same number'],
  withoutWallet: ['offline_devices_without_wallet', 'Devices in use whose owner’s wallet has no account in the ledger'],
  foreignWallet: ['offline_devices_with_foreign_wallet', 'Devices in use whose owner’s wallet is another tenant’s'],
  halted: ['offline_settlement_halted', '1 while settlement is halted: what comes is recorded, and nothing is posted'],
  unheld: ['offline_payments_unheld', 'Of these two, payments whose money is not held on the payer’s account'],
}
