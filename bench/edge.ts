import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { measureLoad } from './edge/figures/load.ts'
import type { Bench } from './edge/figures/run.ts'
import { measureScale } from './edge/figures/scale.ts'
import { measureStandIns } from './edge/figures/standins.ts'
import { measureStorage } from './edge/figures/storage.ts'
import { startGenerator } from './edge/load/load.ts'
import { readOptions } from './edge/options.ts'
import { machine, markdown, type Results, write } from './edge/report.ts'
import { openWorld } from './edge/subject.ts'

/**
 * `npm run bench:edge [-- --quick]`: what a push costs at the edge, against workerd itself. Asserts no time: what it
 * finds goes to bench/results.
 *
 *   floor and edge in turns (load, latency) → storage, counted → much stored against little → stand-ins by themselves
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const options = readOptions(process.argv.slice(2), root)
const has = (figure: Parameters<typeof options.only.has>[0]) => options.only.has(figure)
const say = (progress: string) => console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${progress}`)

const world = await openWorld()
const generator = startGenerator()
const bench: Bench = { options, world, generator, say }
try {
  const { only: _, project: __, out, ...sizes } = options
  let results: Results = { machine: machine(root), options: sizes }
  // Written after each: what was measured stays when a later one fails.
  const add = (figures: Partial<Results>) => {
    results = { ...results, ...figures }
    write(results, out)
  }
  if (has('load') || has('latency')) add({ load: await measureLoad(bench) })
  if (has('storage')) add({ storage: await measureStorage(bench) })
  if (has('scale')) add({ scale: await measureScale(bench) })
  if (has('standins')) add({ standIns: await measureStandIns(bench) })
  console.log(markdown(results))
} finally {
  generator.stop()
  await world.close()
}
