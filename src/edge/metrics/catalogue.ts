/** Every metric with what it means; nothing else is answered. Names and units as Prometheus recommends. */
export const METRICS = {
  offline_bundles_pushed_total: ['counter', 'Bundles that were admitted, each once.'],
  offline_bundles_accepted_total: ['counter', 'Bundles of which every payment succeeded.'],
  offline_bundles_partially_accepted_total: ['counter', 'Bundles of which some payments succeeded.'],
  offline_bundles_failed_total: ['counter', 'Bundles of which no payment succeeded and one or more failed.'],
  offline_bundles_review_total: ['counter', 'Bundles that came to wait for a review.'],
  offline_bundles_quarantined_total: ['counter', 'Bundles that came into quarantine.'],
  offline_bundles_claimed_total: ['counter', 'Bundles with payments that wait for the word of their payer.'],
  offline_bundles_rejected_total: [
    'counter',
    'Pushes that were refused, by problem code, and bundles of which every payment was (all_payments_refused).',
  ],
  offline_bundles: ['gauge', 'Bundles by their status now, as the read model shows them.'],
  offline_bundles_waiting: [
    'gauge',
    'Bundles that wait for people or for a payer, by their status, as their objects say: whatever the read model shows.',
  ],
  offline_bundles_review_oldest_age_seconds: [
    'gauge',
    'Age of the oldest bundle that waits for a person, as its object says.',
  ],
  offline_bundles_owed: [
    'gauge',
    'Bundles that the reconciler has not settled (pushed), as the read model shows them.',
  ],
  offline_bundles_owed_oldest_age_seconds: ['gauge', 'Age of the oldest bundle that the reconciler has not settled.'],
  offline_owed: [
    'gauge',
    'Bundles, device facts, resolutions and audit records that devices owed to the reconciler or the read model when they were last asked.',
  ],
  offline_owed_oldest_age_seconds: ['gauge', 'Age of the oldest of what devices owed when they were last asked.'],
  offline_escalations_owed: ['gauge', 'Escalations that SIRA had not taken when their devices were last asked.'],
  offline_devices_owing: ['gauge', 'Devices that owed anything when they were last swept.'],
  offline_sweep_age_seconds: ['gauge', 'Time since the last sweep: what it sees is as old as this.'],
  offline_risk_score: ['histogram', 'Risk scores of admitted bundles.'],
  offline_risk_fallbacks_total: ['counter', 'Scores that SIRA did not give, by reason; the local rules gave them.'],
  offline_sira_latency_seconds: ['histogram', 'Time that calls to SIRA took, failed ones too.'],
  offline_not_believed_total: [
    'counter',
    'Rows and messages that the edge did not write, or lacks, by what they are. Any is an alarm: somebody else writes to D1 or a queue.',
  ],
  offline_http_requests_total: ['counter', 'Requests by route, method and status.'],
} as const satisfies Record<string, readonly ['counter' | 'gauge' | 'histogram', string]>
export type MetricName = keyof typeof METRICS

/** Upper bounds; 0.15 and 0.35 are where the default policy reviews and quarantines. */
export const RISK_BUCKETS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.5, 0.75, 1] as const
/** Upper bounds in seconds; 0.15 is the deadline on a push, 5 that of an escalation. */
export const SIRA_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 1, 5] as const

/**
 * A series: the name with its labels. Values of labels are our own words (codes, routes, statuses), and still written so
 * that no value could end the line.
 */
export function series(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value.replace(/[\\"\n]/g, '_')}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

/** The series of a histogram that one observation adds to, all of them named so that none is missing later. */
export function observation(
  name: MetricName,
  buckets: readonly number[],
  value: number,
  labels: Readonly<Record<string, string>> = {},
): readonly (readonly [series: string, by: number])[] {
  return [
    ...buckets.map((le) => [series(`${name}_bucket`, { ...labels, le: String(le) }), value <= le ? 1 : 0] as const),
    [series(`${name}_bucket`, { ...labels, le: '+Inf' }), 1],
    [series(`${name}_sum`, labels), value],
    [series(`${name}_count`, labels), 1],
  ]
}
