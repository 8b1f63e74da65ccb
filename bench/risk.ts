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
const on = machine(root)
const sets = [
  { name: 'Months to mend by', seeds: options.seeds },
  { name: 'Months held out', seeds: options.heldOut },
].map(({ name, seeds }) => ({ name, seeds, lived: [] as number[], payments: 0, tally: newTally() }))
let text = ''
for (const set of sets) {
  for (const seed of set.seeds) {
    const judged = await month(seed, options.devices, options.attempts)
    add(set.tally, judged)
    set.lived.push(seed)
    set.payments += judged.length
    console.error(`seed ${seed}: ${judged.length} payments`)
    // Written after each: what was measured stays when a later one is given up.
    const done = sets.filter(({ lived }) => lived.length > 0)
    text = write(
      options,
      on,
      done.map(({ name, lived, payments, tally }): Lived => ({ name, seeds: lived, payments, tally })),
    )
  }
}
console.log(text)
