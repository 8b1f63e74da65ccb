import { cpuRatio, drainedRatio, medianOf, type TurnFigures } from '../figures/turns.ts'
import { round } from '../stats.ts'
import { SUBJECT_NAMES, type SubjectName } from '../subjects/subject.ts'
import type { Results } from './results.ts'
import { atLeast, atMost, count, many, ms, perS, type Row } from './row.ts'

/** What was measured against what it should be. */
export const rowsOf = (results: Results): readonly Row[] => [
  ...turnRows(results),
  ...pacedRows(results),
  ...storageRows(results),
  ...scaleRows(results),
]

const PEER = 'Express + pg'

function turnRows({ fifty, one }: Results): Row[] {
  const cpu = 'all that it causes included'
  return [
    ...(fifty
      ? [
          ...atMost(
            `CPU per push of 50, ${cpu}`,
            cpuRatio(fifty, 'edge', 'bound'),
            1.35,
            'the bound',
            besideCpu(fifty),
          ),
          ...atMost(`CPU per push of 50, ${cpu}`, cpuRatio(fifty, 'edge', 'peer'), 0.33, PEER, besideCpu(fifty)),
        ]
      : []),
    ...(one
      ? atMost(`CPU per push of 1, ${cpu}`, cpuRatio(one, 'edge', 'bound'), 1.35, 'the bound', besideCpu(one))
      : []),
    ...(fifty
      ? atLeast('throughput, all drained', drainedRatio(fifty, 'edge', 'bound'), 0.75, 'the bound', besideRate(fifty))
      : []),
  ]
}

const besideCpu = ({ of }: TurnFigures) =>
  each(of, (name, figures) => `${name} ${ms(medianOf(figures, ({ cpuMs }) => cpuMs) + figures.laterMs)}`)

const besideRate = ({ of }: TurnFigures) =>
  each(of, (name, figures) => `${name} ${perS(medianOf(figures, ({ drainedPerS }) => drainedPerS))}`)

const each = <T>(of: Partial<Readonly<Record<SubjectName, T>>>, text: (name: string, value: T) => string): string =>
  SUBJECT_NAMES.flatMap((name) => (of[name] ? [text(name, of[name])] : [])).join(', ')

function pacedRows({ paced, options }: Results): Row[] {
  const { bound, edge } = paced?.of ?? {}
  if (paced === undefined || bound === undefined || edge === undefined) return []
  const at = `latency at ${paced.perSecond}/s, ${100 * options.pacedShare} % of what the bound can`
  const beside = (key: 'p50Ms' | 'p99Ms') => each(paced.of, (name, latency) => `${name} ${ms(latency[key])}`)
  const { seen, told } = paced
  return [
    ...atMost(`${at}, p50`, edge.p50Ms / bound.p50Ms, 1.5, 'the bound', beside('p50Ms')),
    ...atMost(`${at}, p99`, edge.p99Ms / bound.p99Ms, 2, 'the bound', beside('p99Ms')),
    {
      figure: 'push → outcomes seen by the device, paced',
      target: 'its next sync',
      measured: seen.max === 1 ? 'its next sync' : `up to ${seen.max} syncs, p50 ${seen.p50}`,
      met: seen.max === 1,
      beside: `${many(seen.pushes)} pushes; outcomes with the edge after p50 ${ms(told.p50Ms)}, p99 ${ms(told.p99Ms)}`,
    },
  ]
}

function storageRows({ storage, fsyncs }: Results): Row[] {
  if (storage === undefined) return []
  const { cold, warm, load, loadPushes } = storage
  const calls = (counts: Readonly<Record<string, number>>) =>
    (counts['call.identity'] ?? 0) + (counts['call.admit'] ?? 0)
  const asBilled = 'index entries count as rows, as they are billed'
  const rows: Row[] = [
    count('D1 rows written a push', load['d1.rowsWritten'] ?? 0, 4, asBilled),
    count('object rows written a push, all included', load['sql.rowsWritten'] ?? 0, 6, asBilled),
    count('D1 statements a push, under load', load['d1.statements'] ?? 0, 0.1, `${many(loadPushes)} pushes`),
    {
      figure: 'Durable Object calls of a push',
      target: '1, with a cold key 2',
      measured: `${calls(warm)}, ${calls(cold)}`,
      met: calls(warm) <= 1 && calls(cold) <= 2,
      beside: '',
    },
  ]
  if (fsyncs === undefined) return rows
  const own = Object.entries(fsyncs).filter(([owner]) => owner.startsWith('device objects'))
  const sum = own.reduce((total, [, syncs]) => total + syncs, 0)
  const all = Object.entries(fsyncs).map(([owner, syncs]) => `${owner} ${syncs}`)
  const figure = 'fsyncs of the object an admission'
  return [...rows, { figure, target: '1', measured: String(round(sum, 2)), met: sum <= 1.05, beside: all.join(', ') }]
}

function scaleRows({ scale }: Results): Row[] {
  if (scale === undefined) return []
  const { small, large, active } = scale
  const what = `${many(large.bundles)} bundles and ${many(large.devices)} devices`
  const against = `${many(small.bundles)} of each`
  const rates = (key: 'pushesPerS' | 'statusesPerS') => `${perS(large[key])}, ${perS(small[key])}`
  const note = `${rates('pushesPerS')}; ${many(active)} active devices in both`
  return [
    ...atLeast(`push with ${what}`, scale.pushRatio, 0.95, against, note),
    ...atLeast(`status with ${what}`, scale.statusRatio, 0.95, against, rates('statusesPerS')),
  ]
}
