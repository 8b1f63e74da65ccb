import type { Env } from '../../src/edge/env.ts'
import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'
import { SimulatedD1 } from './d1.ts'
import type { RowWitness } from './d1-database.ts'
import type { EdgeFaults } from './faults.ts'
import { isolateOf } from './isolate.ts'
import { Life } from './life.ts'
import { loadWorker, type WorkerModules } from './loader.ts'
import { Objects } from './objects.ts'
import { atSomeAwait, type Platform, partOf } from './platform.ts'
import { pullApi } from './pull-api.ts'
import { PushConsumer } from './push-consumer.ts'
import { SimulatedQueue } from './queue.ts'
import { SimulatedR2 } from './r2.ts'

/** Texts of wrangler.toml and secrets, as src/edge/config.ts reads them. */
export type Settings = Readonly<Record<string, string>>

export interface EdgeOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly settings: Settings
  readonly faults: EdgeFaults
  /** Another Worker than the project's. */
  readonly worker?: WorkerModules
  /** Told of what production code threw where nobody could catch it. */
  readonly uncaught?: (error: unknown, where: string) => void
  /** Told of the states that the read model shows. */
  readonly witness?: RowWitness
}

/** wrangler.toml. */
const RETRIES_MAX = 100
const INDEX_CONSUMER = { batchMax: 100, batchTimeoutMs: 1_000, concurrencyMax: 4 }
/** How long after its start a request may lose its isolate, milliseconds. */
const ISOLATE_DIES_WITHIN_MS = 60

/** The Worker, its objects, D1 and queues: one edge in one place. Open one at a time: isolates keep state in modules. */
export interface SimEdge {
  /**
   * Fails when the isolate is gone before it answers; the way there and back is the caller's.
   *
   * @param request as it was `received`, when it has a body
   */
  fetch(request: Request): Promise<Response>
  /** Runs the cron's handler once. */
  cron(): Promise<void>
  /** The isolate is gone and there is a new one, which knows nothing of what that one kept. Objects live on. */
  restartIsolate(): void
  /** New code or other secrets: the isolate and every object start anew. */
  deploy(settings: Settings): void
  /** Cloudflare's pull API, for the reconciler's client. Queue ids are `molam-settle` and `molam-settle-dlq`. */
  queueApi(request: Request): Promise<Response>
  readonly objects: Objects<InstanceType<WorkerModules['DeviceObject']>>
  readonly countries: Objects<InstanceType<WorkerModules['CountryObject']>>
  readonly people: Objects<InstanceType<WorkerModules['PersonObject']>>
  /** D1, for who looks from outside. */
  readonly db: D1Database
  /** Rows of D1 as they stand, at once. */
  readD1(sql: string, ...values: (string | number | null)[]): Readonly<Record<string, unknown>>[]
  readonly bucket: SimulatedR2
  readonly queues: {
    readonly settle: SimulatedQueue
    readonly deadLetters: SimulatedQueue
    readonly index: SimulatedQueue
  }
  /** The bindings of the isolate that is there now. */
  readonly env: Env
  /** Ends everything, and takes back what the run wrote to D1. */
  close(): void
}

/** `loadWorker` must have ended before clocks and timers are replaced: it reads files. */
export async function openEdge({ uncaught = () => undefined, ...options }: EdgeOptions): Promise<SimEdge> {
  const worker = options.worker ?? (await loadWorker())
  const { scheduler, faults } = options
  const platform: Platform = { scheduler, faults, random: options.random.stream('edge'), uncaught }
  let { settings } = options
  const deadLetters = new SimulatedQueue('molam-settle-dlq', platform, { retriesMax: RETRIES_MAX })
  const settle = new SimulatedQueue('molam-settle', platform, { retriesMax: RETRIES_MAX, deadLetters })
  const index = new SimulatedQueue('molam-index', platform, { retriesMax: RETRIES_MAX })
  const bucket = new SimulatedR2(platform)
  const d1 = new SimulatedD1(platform, options.witness)
  const people = new Objects(
    partOf(platform, 'people'),
    (ctx) => new worker.PersonObject(...constructed<typeof worker.PersonObject>(ctx, settings)),
  )
  const countries = new Objects(
    partOf(platform, 'countries'),
    (ctx) => new worker.CountryObject(...constructed<typeof worker.CountryObject>(ctx, settings)),
  )
  const objects: SimEdge['objects'] = new Objects(platform, (ctx, life, durable) => {
    const bindings = {
      // Objects ask one another about consents.
      DEVICE: objects.binding(life, durable),
      SETTLE_QUEUE: settle.binding(life, durable),
      INDEX_QUEUE: index.binding(life, durable),
      COUNTRY: countries.binding(life, durable),
      PERSON: people.binding(life, durable),
      BUNDLES: bucket.binding(life, durable),
    }
    return new worker.DeviceObject(...constructed<typeof worker.DeviceObject>(ctx, { ...settings, ...bindings }))
  })
  const bindings = (life: Life) => ({
    ...settings,
    DEVICE: objects.binding(life),
    COUNTRY: countries.binding(life),
    PERSON: people.binding(life),
    BUNDLES: bucket.binding(life),
    DB: d1.binding(life),
    SETTLE_QUEUE: settle.binding(life),
    INDEX_QUEUE: index.binding(life),
  })
  const newIsolate = () => isolateOf(worker, bindings, platform)
  let isolate = newIsolate()
  const restartIsolate = () => {
    isolate.end()
    isolate = newIsolate()
  }
  new PushConsumer(index, INDEX_CONSUMER, platform, (batch) => isolate.queue(batch))
  return {
    fetch(request) {
      const answer = isolate.fetch(request)
      if (faults.strikes('isolate_died', request.url)) {
        const serving = isolate
        atSomeAwait(platform, ISOLATE_DIES_WITHIN_MS, () => serving === isolate && restartIsolate())
      }
      return answer
    },
    cron: () => isolate.cron(),
    restartIsolate,
    deploy(changed) {
      settings = changed
      objects.crashAll()
      countries.crashAll()
      people.crashAll()
      restartIsolate()
    },
    queueApi: pullApi({ 'molam-settle': settle, 'molam-settle-dlq': deadLetters }, platform),
    objects,
    countries,
    people,
    db: d1.binding(new Life()) as unknown as D1Database,
    readD1: (sql, ...values) => d1.read(sql, ...values),
    bucket,
    queues: { settle, deadLetters, index },
    get env() {
      return isolate.env as Env
    },
    close() {
      isolate.end()
      objects.close()
      countries.close()
      people.close()
      d1.close()
    },
  }
}

/** What stands in for the runtime's own types, where production code is handed it. */
const constructed = <Class extends new (ctx: never, env: never) => unknown>(ctx: object, env: object) =>
  [ctx, env] as unknown as ConstructorParameters<Class>
