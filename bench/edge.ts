import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { edgesOf } from './edge/edges.ts'
import type { Bench } from './edge/figures/bench.ts'
import { openComparison } from './edge/figures/comparison.ts'
import { measureFsyncs } from './edge/figures/fsyncs.ts'
import { stillOwing } from './edge/figures/owed.ts'
import { measurePaced } from './edge/figures/paced.ts'
import { measureScale } from './edge/figures/scale.ts'
import { measureStandIns } from './edge/figures/standins.ts'
import { measureStorage } from './edge/figures/storage.ts'
import { measureTurns, medianOf } from './edge/figures/turns.ts'
import { startGenerator } from './edge/load/load.ts'
import { readOptions } from './edge/options.ts'
import { machine } from './edge/report/machine.ts'
import { markdown } from './edge/report/markdown.ts'
import type { Results } from './edge/report/results.ts'
import { write } from './edge/report/write.ts'
import { openWorld } from './edge/world.ts'

/**
 * `npm run bench:edge [-- --quick]`: what a push costs at the edge, against workerd itself. Asserts no time: what it
 * finds goes to bench/results.
 *
 *   floor, bound, edge and peer in turns, bundles of 50 and of 1 → paced → fsyncs
 *   → storage, counted → much stored against little → stand-ins by themselves
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const options = readOptions(process.argv.slice(2), root)
const has = (...figures: Parameters<typeof options.only.has>[0][]) => figures.some((one) => options.only.has(one))
const say = (progress: string) => console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${progress}`)

const world = await openWorld()
const generator = startGenerator()
const edges = edgesOf(world, options)
const bench: Bench = { options, world, edges, generator, say }
const { only: _, project: __, out, ...sizes } = options
let results: Results = { machine: machine(root), options: sizes }
// Written after each: what was measured stays when a later one fails.
const add = (figures: Partial<Results>) => {
  results = { ...results, ...figures }
  write(results, out)
}
try {
  if (has('load', 'latency', 'peer')) await inTurns()
  if (has('storage')) add({ storage: await measureStorage(bench) })
  if (has('scale')) add({ scale: await measureScale(bench) })
  if (has('standins')) add({ standIns: await measureStandIns(bench) })
  console.log(markdown(results))
} finally {
  generator.stop()
  await edges.close()
  await world.close()
}

async function inTurns(): Promise<void> {
  const comparison = await openComparison(bench, [
    // Not in a smoke run: what is in it is in the bound, and it is a Worker more to bundle and start.
    ...(has('load', 'latency') && options.size !== 'smoke' ? (['floor'] as const) : []),
    ...(has('load', 'latency') ? (['bound'] as const) : []),
    ...(has('peer') ? (['peer'] as const) : []),
  ])
  try {
    const fifty = await measureTurns(bench, comparison, comparison.subjects, 50)
    add({ fifty })
    const workers = comparison.subjects.filter(({ name }) => name !== 'peer')
    if (has('load')) add({ one: await measureTurns(bench, comparison, workers, 1) })
    if (has('latency')) {
      const capacity = medianOf(fifty.of.bound, ({ drainedPerS }) => drainedPerS)
      const perSecond = Math.max(1, Math.round(options.pacedShare * capacity))
      add({ paced: await measurePaced(bench, comparison, workers, perSecond) })
    }
    add({ stillOwing: await stillOwing(bench, comparison) })
    if (has('load') && has('storage')) add({ fsyncs: await measureFsyncs(bench, comparison) })
  } finally {
    await comparison.stop()
  }
}
