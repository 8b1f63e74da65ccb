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
  const on = machine(root)
  const load = has('load') || has('latency') ? await measureLoad(bench) : undefined
  const storage = has('storage') ? await measureStorage(bench) : undefined
  const scale = has('scale') ? await measureScale(bench) : undefined
  const standIns = has('standins') ? await measureStandIns(bench) : undefined
  const { only: _, project: __, out, ...sizes } = options
  const results: Results = {
    machine: on,
    options: sizes,
    ...(load && { load }),
    ...(storage && { storage }),
    ...(scale && { scale }),
    ...(standIns && { standIns }),
  }
  write(results, out)
  console.log(markdown(results))
} finally {
  generator.stop()
  await world.close()
}
