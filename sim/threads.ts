import { Worker } from 'node:worker_threads'
import type { Job, Ran } from './work.ts'

/** A world makes much that is soon forgotten: where the young generation is small, half of that is looked at twice. */
const resourceLimits = { maxYoungGenerationSizeMb: 128 }

/**
 * Runs seeds on threads of their own, until the next one is undefined.
 *
 * @param next the next seed to run
 * @param heard told of each
 * @throws what a thread dies of
 */
export async function runOnThreads(
  job: Job,
  threads: number,
  next: () => number | undefined,
  heard: (ran: Ran) => void,
): Promise<void> {
  const thread = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./work.ts', import.meta.url), { workerData: job, resourceLimits })
      worker.on('error', reject)
      worker.on('message', (said: Ran | 'ready') => {
        if (said !== 'ready') heard(said)
        const seed = next()
        if (seed !== undefined) worker.postMessage(seed)
        else void worker.terminate().then(() => resolve())
      })
    })
  await Promise.all(Array.from({ length: threads }, thread))
}
