import type { SiraObservation } from '../../risk/sira-call.ts'
import { observation, SIRA_BUCKETS, series } from './catalogue.ts'
import { IsolateCounters } from './isolate-counters.ts'

/** This isolate's counters. */
export const counters = new IsolateCounters(() => crypto.randomUUID())

/** Pass it to `SiraClient` as `observe`. */
export function recordSira({ operation, latencyMs, outcome }: SiraObservation): void {
  // A breaker that is open asked nobody, and took no time; nor is anybody asked where no SIRA is configured.
  if (outcome !== 'breaker_open' && outcome !== 'not_configured') {
    const seconds = latencyMs / 1000
    for (const [name, by] of observation('offline_sira_latency_seconds', SIRA_BUCKETS, seconds, { operation })) {
      counters.add(name, by)
    }
  }
  const scores = operation === 'bundle' || operation === 'transaction' || operation === 'bulk'
  if (scores && outcome !== 'ok') counters.add(series('offline_risk_fallbacks_total', { reason: outcome }))
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

export interface Answered {
  readonly route: string
  readonly method: string
  readonly status: number
  /** The problem that was answered. */
  readonly code: string | undefined
}

export function recordAnswer({ route, method, status, code }: Answered): void {
  const labels = { route, method: METHODS.includes(method) ? method : 'other', status: String(status) }
  counters.add(series('offline_http_requests_total', labels))
  if (route === '/offline/push' && code !== undefined) {
    counters.add(series('offline_bundles_rejected_total', { code }))
  }
}
