import { registerHooks } from 'node:module'

/** Everything of the Worker that a simulated edge runs, and what its isolates keep in the memory of modules. */
export interface WorkerModules {
  readonly handler: typeof import('../../src/index.ts').default
  readonly CountryObject: typeof import('../../src/index.ts').CountryObject
  readonly DeviceObject: typeof import('../../src/index.ts').DeviceObject
  readonly PersonObject: typeof import('../../src/index.ts').PersonObject
  /** A new isolate knows nothing of what the one before kept. */
  readonly forgetIsolate: () => void
}

const STAND_IN = new URL('./workers.ts', import.meta.url).href
let loaded: Promise<WorkerModules> | undefined

/** Loads the Worker as it is, with the runtime's own module replaced; once a process. */
export function loadWorker(): Promise<WorkerModules> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<WorkerModules> {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'cloudflare:workers' ? { url: STAND_IN, shortCircuit: true } : next(specifier, context),
  })
  const [worker, { forgetIsolate }] = await Promise.all([import('../../src/index.ts'), import('./isolate-memory.ts')])
  const { default: handler, CountryObject, DeviceObject, PersonObject } = worker
  return { handler, CountryObject, DeviceObject, PersonObject, forgetIsolate }
}
