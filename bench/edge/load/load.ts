import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Load, LoadResult } from './messages.ts'

/** The generator as seen from the bench. */
export interface Generator {
  /** @throws when a request got no answer at all */
  run(load: Load): Promise<LoadResult>
  stop(): void
}

export function startGenerator(): Generator {
  const child = fork(fileURLToPath(new URL('generator.ts', import.meta.url)), { serialization: 'advanced' })
  return {
    run: (load) =>
      new Promise((resolve, reject) => {
        const gone = () => reject(new Error('the generator has gone'))
        child.once('exit', gone)
        child.once('message', (said: LoadResult | { error: string }) => {
          child.off('exit', gone)
          if ('error' in said) reject(new Error(said.error))
          else resolve(said)
        })
        child.send(load)
      }),
    stop: () => child.disconnect(),
  }
}
