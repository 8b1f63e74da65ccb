import { DeviceObject as Deployed } from '../../durable-objects/device/device-object.ts'
import type { Env } from '../../src/edge/env.ts'
import worker from '../../src/index.ts'

export { CountryObject } from '../../durable-objects/country/country-object.ts'
export { PersonObject } from '../../durable-objects/person/person-object.ts'

/**
 * The edge as it is deployed, with its bindings wrapped so that every call of storage, D1, queues and objects is counted.
 * `GET /bench/counts` shows and clears the counts. The objects share the Worker's isolate, so one table holds all.
 */
const counts: Record<string, number> = {}
const count = (what: string, by = 1) => {
  counts[what] = (counts[what] ?? 0) + by
}

export class DeviceObject extends Deployed {
  constructor(ctx: DurableObjectState, env: Env) {
    count('object.start')
    Object.defineProperty(ctx, 'storage', { value: countedStorage(ctx.storage) })
    super(ctx, countedEnv(env))
  }
}

const own = Object.getOwnPropertyNames(Deployed.prototype).filter((name) => name !== 'constructor')
for (const name of own) {
  const method = (Deployed.prototype as unknown as Record<string, (...args: unknown[]) => unknown>)[name]
  if (method === undefined) continue
  Object.defineProperty(DeviceObject.prototype, name, {
    value(this: unknown, ...args: unknown[]) {
      count(`call.${name}`)
      return method.apply(this, args)
    },
  })
}

for (const level of ['debug', 'log', 'info', 'warn', 'error'] as const) {
  const write = console[level].bind(console)
  console[level] = (...said: unknown[]) => {
    count('log.lines')
    write(...said)
  }
}

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === '/bench/counts') {
      const seen = { ...counts }
      for (const key of Object.keys(counts)) delete counts[key]
      return Response.json(seen)
    }
    count('worker.requests')
    return worker.fetch(request, countedEnv(env), ctx)
  },
  queue: (batch, env) => {
    count('index.batches')
    count('index.messages', batch.messages.length)
    return worker.queue(batch, countedEnv(env))
  },
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env, never>

const envs = new WeakMap<object, Env>()

/** One wrapper an environment: the edge keeps what it parsed by the environment's identity. */
function countedEnv(env: Env): Env {
  let counted = envs.get(env)
  if (counted === undefined) {
    const bindings = Object.entries(env).map(([name, binding]) => [name, countedBinding(name, binding)] as const)
    counted = Object.fromEntries(bindings) as unknown as Env
    envs.set(env, counted)
    // The objects and the consumer get it wrapped already.
    envs.set(counted, counted)
  }
  return counted
}

/** By the endings of their names in wrangler.toml. */
function countedBinding(name: string, binding: unknown): unknown {
  if (name === 'DB') return countedDb(binding as D1Database)
  if (name.endsWith('_RATE')) return countedRate(binding as RateLimit, name)
  if (name.endsWith('_QUEUE')) return countedQueue(binding as Queue, name.replace('_QUEUE', '').toLowerCase())
  return binding
}

function countedRate(rate: RateLimit, name: string): RateLimit {
  return {
    limit(options) {
      count(`rate.${name}`)
      return rate.limit(options)
    },
  }
}

/** Messages as they are billed, and the calls that send them. */
function countedQueue(queue: Queue, name: string): Queue {
  return over(queue, {
    send: (...args: Parameters<Queue['send']>) => {
      count(`queue.${name}.sends`)
      count(`queue.${name}.messages`)
      return queue.send(...args)
    },
    sendBatch: (messages: readonly MessageSendRequest[]) => {
      count(`queue.${name}.sends`)
      count(`queue.${name}.messages`, messages.length)
      return queue.sendBatch(messages)
    },
  })
}

/** Statements as D1 bills them: each one of a batch is one. */
function countedDb(db: D1Database): D1Database {
  const original = new WeakMap<object, D1PreparedStatement>()
  const statement = (real: D1PreparedStatement): D1PreparedStatement => {
    const run = (name: 'run' | 'all' | 'first' | 'raw') => async (options?: never) => {
      count('d1.calls')
      count('d1.statements')
      const result = await (real[name] as (options?: never) => Promise<unknown>)(options)
      // The other two do not say what they read.
      if (name === 'run' || name === 'all') countRows(result as D1Result)
      return result
    }
    const counted = over(real, {
      bind: (...values: unknown[]) => statement(real.bind(...values)),
      ...Object.fromEntries((['run', 'all', 'first', 'raw'] as const).map((name) => [name, run(name)])),
    })
    original.set(counted, real)
    return counted
  }
  return over(db, {
    prepare: (sql: string) => statement(db.prepare(sql)),
    batch: async (statements: D1PreparedStatement[]) => {
      count('d1.calls')
      count('d1.statements', statements.length)
      const results = await db.batch(statements.map((one) => original.get(one) ?? one))
      for (const result of results) countRows(result)
      return results
    },
  })
}

function countRows({ meta }: D1Result): void {
  count('d1.rowsRead', meta.rows_read)
  count('d1.rowsWritten', meta.rows_written)
}

function countedStorage(storage: DurableObjectStorage): DurableObjectStorage {
  const sql = over(storage.sql, {
    exec: (query: string, ...bindings: SqlStorageValue[]) => {
      const cursor = storage.sql.exec(query, ...bindings)
      const verb = query.trimStart().slice(0, 6).toUpperCase()
      count('sql.statements')
      // A statement that writes has run to its end when `exec` returns; a read may not have, and is not counted by row.
      if (cursor.rowsWritten > 0) count(`sql.rowsWritten.${verb}`, cursor.rowsWritten)
      count('sql.rowsWritten', cursor.rowsWritten)
      return cursor
    },
  })
  return over(storage, {
    sql,
    setAlarm: (at: number | Date) => {
      count('alarm.set')
      return storage.setAlarm(at)
    },
    deleteAlarm: () => {
      count('alarm.deleted')
      return storage.deleteAlarm()
    },
    transactionSync: <T>(run: () => T) => {
      count('sql.transactions')
      return storage.transactionSync(run)
    },
  })
}

/** An object of the runtime with some members replaced; the others keep their `this`. */
function over<T extends object>(real: T, members: Record<string, unknown>): T {
  return new Proxy(real, {
    get(_, name) {
      if (typeof name === 'string' && name in members) return members[name]
      const value = Reflect.get(real, name, real) as unknown
      return typeof value === 'function' ? value.bind(real) : value
    },
  })
}
