import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Row } from './figures.ts'
import type { Options } from './options.ts'
import { SETTINGS_TEXT } from './server.ts'

/** Shown while settling misses what is asked of posting. */
const MISSED = `Settling is posting together with the payments' own rows (\`offline_record_transactions\`): who bears what, and what is held. The
statements around it (claiming the inbox, earlier bundles and copies, activity, the chained audit), each one for the whole batch, are
in push → posted. Tried for settling, and kept (0.50 before): one forced plan without nested loops, formats of accounts as domains,
accounts read once by the locking query, repeated sources found by one range look-up.

`

/** Writes `ledger.md` for people and `ledger.json` for whoever compares. @returns the table */
export function writeResult(rows: readonly Row[], options: Options, seconds: number): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, ${platform()} ${arch()}`
  const load = loadavg().map((value) => value.toFixed(1))
  const table = [
    '| figure | target | value | | beside |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ figure, target, value, met, beside }) =>
        `| ${figure} | ${target} | ${value} | ${met ? '✓' : '✗'} | ${beside} |`,
    ),
  ].join('\n')
  const text = `# The ledger, measured

\`node bench/ledger.ts${options.run === 'full' ? '' : ` --${options.run}`}\`, ${new Date().toISOString().slice(0, 10)}, ${Math.round(seconds)} s, commit ${commit()}.
${machine}; load average at the end ${load.join(' ')}. Node ${process.version}; Postgres 18, ${SETTINGS_TEXT}, the rest as
it comes (fsync and full_page_writes on).

${table}

${rows.some(({ met, figure }) => !met && figure.startsWith('settling')) ? MISSED : ''}Each ratio is the median of ${options.rounds} alternations of ${options.payments} payments, both sides on the same server, one right
after the other, the first of each pair changing sides. The bare insert writes the same rows into tables with the same indexes
and checks in one statement, all values given by the client: nothing is looked up, locked or added up, and no balance is
updated. WAL is the server's insert position before and after; CPU is utime + stime of the backend. Times include the client.

What is found is timed from before the attacker's first statement to the commit of the halt, in the database's own words. Each kind is
planted in a copy of one honest book, beside a reconciler that posts and a verifier that has just started.
`
  if (options.out !== '') {
    mkdirSync(options.out, { recursive: true })
    writeFileSync(join(options.out, 'ledger.md'), text)
    writeFileSync(
      join(options.out, 'ledger.json'),
      `${JSON.stringify({ at: new Date().toISOString(), commit: commit(), machine, load, options: asRun(options), rows }, null, 2)}\n`,
    )
  }
  return text
}

function asRun({ out, only, ...options }: Options) {
  return { ...options, only: [...only] }
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}
