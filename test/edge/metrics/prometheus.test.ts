import { expect, it } from 'vitest'
import { METRICS, observation, RISK_BUCKETS, SIRA_BUCKETS, series } from '../../../src/edge/metrics/catalogue.ts'
import { recordAnswer, recordSira } from '../../../src/edge/metrics/recorder.ts'
import { renderMetrics } from '../../../src/edge/metrics/render.ts'
import { readExposition } from './exposition.ts'

/** The Prometheus text format, read by the grammar of its documentation. */
it('every metric is described, also one without a value', () => {
  const read = readExposition(renderMetrics(new Map()))
  expect([...read.keys()]).toEqual(Object.keys(METRICS))
})

it('values come under their metric, and histograms in the order of their bounds', () => {
  const values = new Map<string, number>([
    ['offline_bundles_pushed_total{country="SN"}', 3],
    ['offline_nothing_we_know', 1],
    ['offline_bundles{country="SN",status="pushed"}', 2],
  ])
  for (const seconds of [0.004, 0.12, 9]) {
    for (const [name, by] of observation('offline_sira_latency_seconds', SIRA_BUCKETS, seconds, {
      operation: 'bundle',
    })) {
      values.set(name, (values.get(name) ?? 0) + by)
    }
  }
  const read = readExposition(renderMetrics(values))
  expect(read.get('offline_bundles_pushed_total')).toEqual([['offline_bundles_pushed_total', { country: 'SN' }, 3]])
  expect(read.get('offline_bundles')).toEqual([['offline_bundles', { country: 'SN', status: 'pushed' }, 2]])
  const sira = read.get('offline_sira_latency_seconds') ?? []
  expect(sira.filter(([name]) => name.endsWith('_bucket')).map(([, { le }, value]) => [le, value])).toEqual([
    ...[0.01, 0.025, 0.05, 0.075, 0.1].map((le) => [String(le), 1]),
    ...[0.15, 0.25, 1, 5].map((le) => [String(le), 2]),
    ['+Inf', 3],
  ])
  expect(sira.filter(([name]) => !name.endsWith('_bucket')).map(([name, , value]) => [name, value])).toEqual([
    ['offline_sira_latency_seconds_count', 3],
    ['offline_sira_latency_seconds_sum', 9.124],
  ])
})

it('no label can break out of its line', () => {
  const hostile = series('offline_http_requests_total', { route: '/a"} 1\noffline_bundles_pushed_total 9\\' })
  expect(readExposition(renderMetrics(new Map([[hostile, 1]]))).get('offline_bundles_pushed_total')).toEqual([])
})

it('a bound counts what is exactly at it', () => {
  const at = new Map(observation('offline_risk_score', RISK_BUCKETS, 0.15))
  expect(at.get('offline_risk_score_bucket{le="0.15"}')).toBe(1)
  expect(at.get('offline_risk_score_bucket{le="0.1"}')).toBe(0)
})

it('recording takes whatever the risk client and the router say', () => {
  for (const outcome of ['ok', 'timeout', 'unreachable', 'rejected', 'invalid_answer', 'breaker_open'] as const) {
    recordSira({ operation: 'bundle', latencyMs: 20, outcome })
  }
  recordAnswer({ route: '/offline/push', method: 'BREW', status: 401, code: 'invalid_signature' })
})
