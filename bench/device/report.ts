import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { machine } from '../edge/report/machine.ts'
import type { Options } from './options.ts'

/** One figure. Without a target it is there to be read. */
export interface Row {
  readonly figure: string
  readonly target?: string
  readonly value: string
  readonly met?: boolean
  readonly beside: string
  /** What `value` and `beside` say, for programs; the names end in their units. */
  readonly numbers: Readonly<Record<string, number>>
}

export interface Results {
  readonly machine: ReturnType<typeof machine>
  readonly options: Omit<Options, 'only' | 'out'>
  readonly rows: readonly Row[]
  readonly notes: readonly string[]
}

export function write(results: Results, dir: string): void {
  if (dir === '') return
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'device.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  writeFileSync(join(dir, 'device.md'), markdown(results))
}

export function markdown({ machine: on, options, rows, notes }: Results): string {
  const cells = rows.map(({ figure, target = '', value, met, beside }) => {
    return `| ${figure} | ${target} | **${value}** | ${met === undefined ? '' : met ? 'yes' : 'no'} | ${beside} |`
  })
  return [
    '# The device, measured',
    '',
    `Made by \`npm run bench:device${options.quick ? ' -- --quick' : ''}\` on ${on.date}; commit ${on.commit}; ${on.cores} cores of ${on.cpu},`,
    `${on.memoryGb} GB, Linux ${on.kernel}, Node ${on.node}, ${on.workerd}; load ${on.loadBefore} before it began.`,
    '',
    '| figure | target | value | met | beside |',
    '|---|---|---|---|---|',
    ...cells,
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n')
}

const grouped = (value: number) => Math.round(value).toLocaleString('en').replaceAll(',', ' ')
export const bytes = (value: number) => `${grouped(value)} B`
export const ms = (value: number) => `${value < 100 ? value.toFixed(1) : grouped(value)} ms`
