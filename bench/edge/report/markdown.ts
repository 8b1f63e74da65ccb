import { cpuRatio, medianOf, type SubjectFigures } from '../figures/turns.ts'
import { round } from '../stats.ts'
import { SUBJECT_NAMES } from '../subjects/subject.ts'
import type { Results } from './results.ts'
import { ms, perS } from './row.ts'
import { rowsOf } from './rows.ts'

/** The results for people: the table of targets, then what stands behind it. */
export function markdown(results: Results): string {
  const { machine: on, options } = results
  return [
    '# Edge',
    '',
    `Made by \`npm run bench:edge\` on ${on.date}; commit ${on.commit}; ${on.cores} cores of ${on.cpu}, ${on.memoryGb} GB, Linux`,
    `${on.kernel}, Node ${on.node}, ${on.workerd}; load ${on.loadBefore} before it began. Medians of ${options.rounds} alternations with`,
    'the same bundles; ratios are of the same alternation. Objects are in memory in all subjects: one push of each device goes',
    'before what is counted. Floor (`bench/floor`): signature, seal, a row. Bound (`bench/bound`): what the promises need and',
    'nothing else. Peer (`bench/peer`): Express + pg with a row a payment.',
    '',
    '| figure | target | measured | absolutes | met |',
    '|---|---|---|---|---|',
    ...rowsOf(results).map(
      ({ figure, target, measured, beside, met }) =>
        `| ${figure} | ${target} | **${measured}** | ${beside} | ${met ? 'yes' : 'no'} |`,
    ),
    '',
    ...subjectLines(results),
    ...standInLines(results),
    ...countLines(results),
  ].join('\n')
}

function subjectLines({ fifty, one, paced }: Results): string[] {
  if (fifty === undefined) return []
  const cpu = (figures: SubjectFigures | undefined) =>
    figures === undefined ? '' : `${ms(medianOf(figures, ({ cpuMs }) => cpuMs))} + ${ms(figures.laterMs)}`
  const rows = SUBJECT_NAMES.filter((name) => fifty.of[name]).map((name) => {
    const latency = paced?.of[name]
    const byFloor = cpuRatio(fifty, name, 'floor')
    return [
      name,
      cpu(fifty.of[name]),
      byFloor === undefined ? '' : `${round(byFloor, 2)} ×`,
      cpu(one?.of[name]),
      perS(medianOf(fifty.of[name], ({ drainedPerS }) => drainedPerS)),
      perS(medianOf(fifty.of[name], ({ answeredPerS }) => answeredPerS)),
      latency === undefined ? '' : `${ms(latency.p50Ms)}, ${ms(latency.p99Ms)}`,
    ]
  })
  return [
    '| subject | CPU of 50 + later | by the floor | CPU of 1 + later | drained | answers alone | paced p50, p99 |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ]
}

function standInLines({ standIns, storage, fifty }: Results): string[] {
  if (standIns === undefined) return []
  const { queueMessageMs, rateLimitMs } = standIns
  const lines = [
    'Counted above and not spent in production: the local queue broker takes',
    `${round(queueMessageMs, 3)} ms a message and the rate limit ${round(rateLimitMs, 3)} ms a call, measured by themselves.`,
  ]
  if (fifty?.of.edge && storage) {
    const sum = (suffix: RegExp) =>
      Object.entries(storage.load).reduce((total, [what, count]) => total + (suffix.test(what) ? count : 0), 0)
    const [messages, asked] = [sum(/^queue\..*\.messages$/), sum(/^rate\./)]
    const share = messages * queueMessageMs + asked * rateLimitMs
    lines.push(
      `At ${round(messages, 2)} messages and ${round(asked, 2)} such calls a push that is ${ms(share)} of the edge’s.`,
    )
  }
  return [...lines, '']
}

function countLines({ storage }: Results): string[] {
  if (storage === undefined) return []
  const { cold, warm, load } = storage
  const names = [...new Set([cold, warm, load].flatMap((counts) => Object.keys(counts)))].sort()
  return [
    'What a push does, counted in the edge with its bindings wrapped (`bench/counted`):',
    '',
    '| per push | cold key | warm | under load, all included |',
    '|---|---|---|---|',
    ...names.map((name) => `| \`${name}\` | ${cold[name] ?? 0} | ${warm[name] ?? 0} | ${load[name] ?? 0} |`),
    '',
  ]
}
