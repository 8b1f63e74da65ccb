import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machine } from './edge/report/machine.ts'
import { month } from './risk/month.ts'
import { readOptions } from './risk/options.ts'
import { type Lived, write } from './risk/report.ts'
import { add, newTally } from './risk/tally.ts'

/**
 * `npm run bench:risk [-- --quick]`: what the rules of risk hold of honest people's money, and what they stop of attacks.
 * Lives months through the code that judges (the rules, the object's decision, the reconciler's) in this process, the same
 * for the same seed. Asserts nothing: what it finds goes to bench/results.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const options = readOptions(process.argv.slice(2), root)
const lived: Lived[] = []
for (const [name, seeds] of [
  ['Months to mend by', options.seeds],
  ['Months held out', options.heldOut],
] as const) {
  if (seeds.length === 0) continue
  const tally = newTally()
  let payments = 0
  for (const seed of seeds) {
    const judged = await month(seed, options.devices, options.attempts)
    payments += judged.length
    add(tally, judged)
    console.error(`seed ${seed}: ${judged.length} payments`)
  }
  lived.push({ name, seeds, payments, tally })
}
console.log(write(options, machine(root), lived))
