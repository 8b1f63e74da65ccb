import { booksOf } from './books.ts'
import { loadWorker } from './cloudflare/loader.ts'
import { ALL_FAULTS } from './faults/kinds.ts'
import { hunt } from './mutants/hunt.ts'
import { readOptions, type SimOptions } from './options.ts'
import { Report } from './report.ts'
import { runSeed } from './run.ts'
import { shrink } from './shrink.ts'
import { ALL_WAYS } from './states/ways.ts'
import { runOnThreads } from './threads.ts'

/**
 * `npm run sim -- --seeds 1000`: lives through that many worlds, and says what was promised and broken.
 * `npm run sim -- --seed 42 --trace`: one of them again, as a story; one that fails is made smaller first.
 */
const options = readOptions(process.argv.slice(2), Date.now())
if (options.mutants) await mutants(options)
else if (options.seeds === 1) await one(options)
else await many(options)

async function one({ tier, fromSeed: seed, operations, faults, trace, realEvery }: SimOptions): Promise<void> {
  const isReal = realEvery > 0 && seed % realEvery === 0
  const run = { operations, faults, openBooks: await booksOf(tier), worker: await loadWorker(), isReal }
  let outcome = await runSeed(seed, run)
  if (outcome.broken.length > 0) {
    console.log(`seed ${seed} breaks a promise; leaving out what is not needed for it`)
    outcome = await shrink(outcome, run, (left) => process.stderr.write(`\r${left} operations and faults left `))
    process.stderr.write('\n')
  }
  if (trace || outcome.broken.length > 0) console.log(outcome.trace.lines.join('\n'))
  console.log(outcome.broken.length > 0 ? outcome.broken.join('\n') : `seed ${seed}: all promises kept`)
  console.log(`trace ${outcome.trace.digest}`)
  process.exitCode = outcome.broken.length > 0 ? 1 : 0
}

async function many(options: SimOptions): Promise<void> {
  const { fromSeed, seeds, untilMs, jobs } = options
  const report = new Report()
  const startMs = Date.now()
  const line = () => report.line((Date.now() - startMs) / 1000, jobs)
  let seed = fromSeed
  const isOver = () => seed >= fromSeed + seeds || (untilMs !== undefined && Date.now() > untilMs)
  const next = () => (isOver() ? undefined : seed++)
  const { tier, operations, faults, realEvery } = options
  await runOnThreads({ tier, operations, faults, realEvery }, jobs, next, (ran) => {
    report.add(ran)
    if (ran.broken.length > 0) console.log(`\nseed ${ran.seed}: ${ran.broken[0]?.split('\n')[0]}`)
    if (report.seeds % 50 === 0) process.stderr.write(`\r${line()}  `)
  })
  process.stderr.write('\n')
  console.log(line())
  console.log(report.faults(ALL_FAULTS))
  console.log(report.coverage(ALL_WAYS))
  const [first] = report.failed
  if (first) console.log(`again, as a story: npm run sim -- --tier ${options.tier} --seed ${first.seed} --trace`)
  process.exitCode = first ? 1 : 0
}

async function mutants(options: SimOptions): Promise<void> {
  const hunted = await hunt(options, options.mutant, ({ mutant, seed, broken }) => {
    const found = seed === undefined ? (mutant.missed ?? 'NOT CAUGHT') : `seed ${seed}: ${broken?.split('\n')[0]}`
    console.log(`${mutant.name.padEnd(36)} ${found}`)
  })
  const caught = hunted.filter(({ seed }) => seed !== undefined)
  console.log(`${caught.length} of ${hunted.length} caught within ${options.seeds} seeds`)
}
