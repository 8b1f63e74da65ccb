import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BROWSER_NOTES, measureBrowser } from './device/browser.ts'
import { measureBytes } from './device/bytes.ts'
import { readOptions } from './device/options.ts'
import { markdown, type Results, type Row, write } from './device/report.ts'
import { measureSize } from './device/size.ts'
import { measureSync, syncNotes } from './device/sync.ts'
import { machine } from './edge/report/machine.ts'

/**
 * `npm run bench:device [-- --quick]`: what offline payments cost the device and its link. Asserts nothing: what it finds
 * goes to bench/results.
 *
 *   bytes of a bundle → a sync over a bad link, against the plain form → a slow browser → what an app downloads
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const options = readOptions(process.argv.slice(2), root)
const { only, out, ...sizes } = options

let results: Results = { machine: machine(root), options: sizes, rows: [], notes: [] }
// Written after each: what was measured stays when a later one fails.
const add = (rows: readonly Row[], notes: readonly string[] = []) => {
  for (const { figure, value, beside } of rows) console.error(`${figure}: ${value}  ${beside}`)
  results = { ...results, rows: [...results.rows, ...rows], notes: [...results.notes, ...notes] }
  write(results, out)
}
if (only.has('bytes')) add(await measureBytes())
if (only.has('sync')) add(await measureSync(options, root), syncNotes(options))
if (only.has('browser')) add(await measureBrowser(options, root), BROWSER_NOTES)
if (only.has('size')) add(await measureSize())
console.log(markdown(results))
