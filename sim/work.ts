import { parentPort, workerData } from 'node:worker_threads'
import { MUTANTS } from './mutants/all.ts'
import { plant } from './mutants/plant.ts'
import type { SimOptions } from './options.ts'

/** What a thread is told. */
export interface Job extends Pick<SimOptions, 'tier' | 'operations' | 'faults' | 'realEvery'> {
  /** Name of a fault that is planted into it. */
  readonly mutant?: string
}

/** What a thread tells of each seed. */
export interface Ran {
  readonly seed: number
  readonly broken: readonly string[]
  readonly faults: Readonly<Record<string, number>>
  readonly operations: number
  readonly steps: number
  readonly digest: string
  readonly transitions: readonly string[]
}

/** A thread: runs the seeds that it is sent, one after the other. */
const job = workerData as Job
const planted = MUTANTS.find(({ name }) => name === job.mutant)
if (job.mutant !== undefined && planted === undefined) throw new Error(`no fault is called ${job.mutant}`)
// Before anything of the product is loaded.
if (planted) plant(planted)
const [{ loadWorker }, { booksOf }, { runSeed }] = await Promise.all([
  import('./cloudflare/loader.ts'),
  import('./books.ts'),
  import('./run.ts'),
])
const worker = await loadWorker()
const openBooks = await booksOf(job.tier)
parentPort?.on('message', (seed: number) => {
  const { operations, faults, realEvery } = job
  const isReal = realEvery > 0 && seed % realEvery === 0
  void runSeed(seed, { operations, faults, openBooks, worker, isReal }).then((outcome) => {
    const ran: Ran = {
      ...{ seed, broken: outcome.broken, steps: outcome.steps, digest: outcome.trace.digest },
      operations: outcome.plan.operations.length,
      faults: Object.fromEntries(outcome.faults),
      transitions: [...outcome.transitions],
    }
    parentPort?.postMessage(ran)
  })
})
parentPort?.postMessage('ready')
