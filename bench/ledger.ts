import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { detection } from './ledger/detection.ts'
import { againstBare, againstSingle, bookSize, hotMerchants, postedAgain, type Row } from './ledger/figures.ts'
import { pushToPosted } from './ledger/latency.ts'
import { readOptions } from './ledger/options.ts'
import { writeResult } from './ledger/result.ts'
import { startServer } from './ledger/server.ts'

/** `npm run bench:ledger`: posting against the bare insert, how soon what is wrong stops it, and the whole way from a push to the book. */
const options = readOptions(process.argv.slice(2), dirname(dirname(fileURLToPath(import.meta.url))))
const startedAt = performance.now()
const rows: Row[] = []
const result = () => writeResult(rows, options, (performance.now() - startedAt) / 1000)
// Written after each: what was measured stays when a later one fails.
const add = (...more: readonly Row[]) => {
  rows.push(...more)
  for (const { figure, value, target, beside } of more) console.error(`${figure}: ${value} (${target})  ${beside}`)
  result()
}

const server = await startServer()
try {
  const wanted = (figure: Parameters<typeof options.only.has>[0]) => options.only.has(figure)
  const database = await server.database('bench')
  if (wanted('posting')) {
    add(...(await againstBare(database, options, 'posting', 500, 0.5)))
    add(...(await againstBare(database, options, 'posting', 2000, 0.65)))
  }
  if (wanted('settling')) {
    const own = await server.database('settling')
    add(...(await againstBare(own, options, 'settling', 500, 0.5)))
    add(...(await againstBare(own, options, 'settling', 2000, 0.7)))
  }
  if (wanted('single')) add(await againstSingle(database, options))
  if (wanted('hot')) add(await hotMerchants(database, options))
  if (wanted('again')) add(await postedAgain(database, options))
  if (wanted('scale')) add(await bookSize(server, options))
  if (wanted('detection')) add(await detection(server, options))
} finally {
  await server.stop()
}
if (options.only.has('latency')) add(await pushToPosted(options))
console.log(result())
