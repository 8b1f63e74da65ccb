import { METRICS } from './catalogue.ts'

export const METRICS_MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The Prometheus text format 0.0.4: one block a metric, in the order of the catalogue. */
export function renderMetrics(values: ReadonlyMap<string, number>): string {
  const names = [...values.keys()]
  return Object.entries(METRICS)
    .map(([name, [type, help]]) => {
      const own = names.filter((series) => metricOf(series, type) === name).sort(byLabels)
      const lines = own.map((series) => `${series} ${values.get(series)}\n`)
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
    })
    .join('')
}

function metricOf(series: string, type: string): string {
  const name = series.replace(/\{.*$/, '')
  return type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name
}

/** Buckets of one histogram in the order of their bounds, as the format asks. */
function byLabels(a: string, b: string): number {
  const [nameA, leA] = bound(a)
  const [nameB, leB] = bound(b)
  if (nameA !== nameB) return nameA < nameB ? -1 : 1
  return leA - leB
}

function bound(series: string): [rest: string, le: number] {
  const le = /le="([^"]+)"/.exec(series)?.[1]
  const value = le === undefined ? 0 : le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)
  return [series.replace(/,?le="[^"]+"/, ''), value]
}
