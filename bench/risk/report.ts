import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from '../edge/report/machine.ts'
import type { Options } from './options.ts'
import { type Sum, share, stopped, type Tally, WAITS, type When } from './tally.ts'

/** The months of one set of seeds, together. */
export interface Lived {
  readonly name: string
  readonly seeds: readonly number[]
  readonly payments: number
  readonly tally: Tally
}

const HONEST_TARGETS: readonly (readonly [When, number])[] = [
  ['first day', 0.02],
  ['later', 0.005],
  ['backlog', 0.005],
]
const STOPPED_TARGET = 0.95
/** What the rules of risk hold, with what is held for its time or as a copy; the rest is the policy's own limit. */
const HELD_BY_RULES = WAITS.filter((why) => why !== 'amount')

export function write(options: Options, on: Machine, lived: readonly Lived[]): string {
  const text = markdown(options, on, lived)
  if (options.out === '') return text
  mkdirSync(options.out, { recursive: true })
  writeFileSync(join(options.out, 'risk.md'), text)
  return text
}

function markdown({ quick, devices, attempts }: Options, on: Machine, lived: readonly Lived[]): string {
  return [
    '# The rules of risk, measured',
    '',
    `Made by \`npm run bench:risk${quick ? ' -- --quick' : ''}\` on ${on.date}; commit ${on.commit}; Node ${on.node}. Each seed is a month`,
    `of ${devices} honest devices, and ${attempts} attempts at each way of an attack. Nothing here depends on the machine.`,
    '',
    ...lived.flatMap(section),
    ...NOTES,
    '',
  ].join('\n')
}

function section({ name, seeds, payments, tally }: Lived): string[] {
  return [
    `## ${name}: seeds ${seeds.join(', ')}`,
    '',
    `${grouped(payments)} payments.`,
    '',
    ...table(
      [
        'honest value',
        'F CFA',
        'held by the rules',
        'target',
        'met',
        'held by the policy (`require_manual_review_above`)',
        'wallet empty',
      ],
      HONEST_TARGETS.map(([when, target]) => {
        const sum = tally.honest.get(when)
        const held = share(sum, HELD_BY_RULES)
        return [
          when,
          grouped(sum?.value ?? 0),
          bold(held),
          `≤ ${percent(target)}`,
          met(held <= target),
          percent(share(sum, ['amount'])),
          percent(share(sum, ['funds'])),
        ]
      }),
    ),
    ...table(
      ['honest trade', 'F CFA', 'held by the rules', 'held by the policy'],
      [...tally.trades]
        .sort(([, a], [, b]) => b.value - a.value)
        .map(([trade, sum]) => {
          return [trade, grouped(sum.value), percent(share(sum, HELD_BY_RULES)), percent(share(sum, ['amount']))]
        }),
    ),
    ...table(
      ['attack', 'way', 'stopped or never possible', 'target', 'met', 'by'],
      [...tally.attacks].flatMap(([attack, ways]) => [
        [
          `**${attack}**`,
          '',
          bold(stopped(ways)),
          `≥ ${percent(STOPPED_TARGET)}`,
          met(stopped(ways) >= STOPPED_TARGET),
          '',
        ],
        ...[...ways].map(([way, sum]) => ['', way, percent(1 - share(sum, ['moved'])), '', '', why(sum)]),
      ]),
    ),
    ...table(
      ['rule', 'spoke about honest value', 'of which waits', 'spoke about attacks', 'of which is stopped'],
      [...tally.rules]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([rule, { honest, attack }]) => {
          return [
            `\`${rule}\``,
            grouped(honest.value),
            grouped(honest.valueOf('waits')),
            grouped(attack.value),
            grouped(attack.valueOf('waits')),
          ]
        }),
    ),
  ]
}

const NOTES = [
  '## How to read it',
  '',
  '- A rule is said to speak about all payments of the bundle that it spoke about; several may speak about one.',
  '- *Never possible* is what authority, limits, the chain or an empty wallet stop; `risk`, `time` and `amount` wait for a person.',
  '- The ways of an attack weigh the same. *In one bundle* is a device without a network; *one by one* is sent and posted at',
  '  once, the worst case: the first payment of a row is like any other.',
  '- What the policy holds is every payment above `require_manual_review_above`. No rule of risk can let it pass.',
  '- Amounts, hours and their spread are those of `dev/data`; who trades, how often and with whom is `bench/risk/people`.',
  '- Not among the eight, and not held: small debits that nobody signed, of ordinary sums, into the wallet of the device’s own owner',
  '  (they end with claims), cash-ins of an agent’s stolen terminal to a few wallets below 75 000 each, and what one payer signs at many shops.',
]

/** What stopped it, the most first. */
const why = (sum: Sum): string =>
  [...sum.byWhy]
    .filter(([one]) => one !== 'moved')
    .sort(([, a], [, b]) => b.value - a.value)
    .map(([one, { value }]) => `${one} ${percent(value / sum.value)}`)
    .join(', ')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line), '']
}

const percent = (of: number): string => `${(100 * of).toFixed(of < 0.1 && of > 0 ? 2 : 1)} %`
const bold = (of: number): string => `**${percent(of)}**`
const met = (is: boolean): string => (is ? 'yes' : 'no')
const grouped = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', ' ')
