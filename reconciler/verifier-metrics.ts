import type pg from 'pg'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Exposed } from './health.ts'
import type { Finding } from './verify/check.ts'

/** Prometheus metrics of the verifier. */
export interface VerifierMetrics extends Exposed {
  /** A look at what is new came to its end. */
  round(atMs: number, rows: number): void
  wrong(findings: readonly Finding[]): void
  /** Of the whole book. */
  unproven(count: number): void
}

export function newVerifierMetrics(pool: pg.Pool): VerifierMetrics {
  const registry = new Registry()
  const registers = [registry]
  const looked = new Gauge({
    name: 'offline_verifier_last_round_timestamp_seconds',
    help: 'When the last look at what is new came to its end; what is posted is unproven from then on',
    registers,
  })
  const rows = new Counter({ name: 'offline_verifier_rows_total', help: 'Rows that were new', registers })
  const wrong = new Counter({
    name: 'offline_verifier_findings_total',
    help: 'What was found wrong, by check',
    labelNames: ['check'],
    registers,
  })
  const unproven = new Gauge({
    name: 'offline_consents_unproven',
    help: 'Consents in force by codes of a key that is not configured: nobody can say whether they are their holders’',
    registers,
  })
  const halted = new Gauge({
    name: 'offline_settlement_halted',
    help: '1 while settlement is halted: what comes is recorded, and nothing is posted',
    registers,
  })
  const up = new Gauge({ name: 'offline_database_up', help: 'Whether the last scrape could read Postgres', registers })
  return {
    round(atMs, count) {
      looked.set(atMs / 1000)
      rows.inc(count)
    },
    wrong(findings) {
      for (const { check, found } of findings) wrong.inc({ check }, found)
    },
    unproven: (count) => unproven.set(count),
    async expose() {
      const state = await isHaltedNow(pool).catch(() => undefined)
      up.set(state === undefined ? 0 : 1)
      if (state === undefined) halted.reset()
      else halted.set(state ? 1 : 0)
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}

async function isHaltedNow(pool: pg.Pool): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT FROM settlement_halts WHERE ended_at IS NULL')
  return (rowCount ?? 0) > 0
}
