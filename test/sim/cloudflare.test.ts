import { expect, test } from 'vitest'
import { openQueue } from '../../reconciler/pull/queue.ts'
import { SimulatedD1 } from '../../sim/cloudflare/d1.ts'
import { openEdge } from '../../sim/cloudflare/edge.ts'
import type { ObjectState } from '../../sim/cloudflare/instance.ts'
import { AfterDeath, Life } from '../../sim/cloudflare/life.ts'
import type { WorkerModules } from '../../sim/cloudflare/loader.ts'
import { Objects } from '../../sim/cloudflare/objects.ts'
import { pullApi } from '../../sim/cloudflare/pull-api.ts'
import { PushConsumer, type PushedBatch } from '../../sim/cloudflare/push-consumer.ts'
import { SimulatedQueue } from '../../sim/cloudflare/queue.ts'
import { DurableObject } from '../../sim/cloudflare/workers.ts'
import { isRefusedByD1 } from '../../src/edge/store/d1-error.ts'
import { START_MS, World } from './world.ts'

const SEEDS = Array.from({ length: 300 }, (_, seed) => seed)
const HOUR_MS = 3_600_000

interface TallyBindings {
  readonly QUEUE: ReturnType<SimulatedQueue['binding']>
  readonly TALLY: ReturnType<Objects<Tally>['binding']>
}

/** An object that counts, and does what the tests ask of it. */
class Tally extends DurableObject<TallyBindings> {
  declare protected readonly ctx: ObjectState
  inMemory = 0
  /** Lives on when its instance is gone. */
  static later: () => void = () => undefined
  static alarms: number[] = []
  static alarm: (tally: Tally) => void | Promise<void> = () => undefined

  constructor(ctx: ObjectState, env: TallyBindings) {
    super(ctx, env)
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS rows (n INTEGER) STRICT')
  }

  add(n: number): number {
    this.inMemory += n
    this.ctx.storage.sql.exec('INSERT INTO rows VALUES (?)', n)
    Tally.later = () => void this.ctx.storage.sql.exec('INSERT INTO rows VALUES (0)')
    return this.total()
  }

  total(): number {
    return this.ctx.storage.sql.exec<{ n: number }>('SELECT COALESCE(SUM(n), 0) AS n FROM rows').one().n
  }

  remembered(): number {
    return this.inMemory
  }

  async addAndSay(n: number): Promise<void> {
    this.add(n)
    await this.env.QUEUE.send(new Uint8Array([n]), { contentType: 'bytes' })
  }

  async addAndTell(n: number, other: string): Promise<void> {
    this.add(n)
    await this.env.TALLY.getByName(other)['add']?.(n)
  }

  addAndPlan(n: number, atMs: number): void {
    this.add(n)
    void this.ctx.storage.setAlarm(atMs)
  }

  async addHalf(n: number): Promise<number | null> {
    try {
      this.ctx.storage.transactionSync(() => {
        this.add(n)
        void this.ctx.storage.setAlarm(START_MS + HOUR_MS)
        try {
          this.ctx.storage.transactionSync(() => {
            this.add(1000)
            throw new Error('inner')
          })
        } catch {}
        if (n < 0) throw new Error('outer')
      })
    } catch {}
    return this.ctx.storage.getAlarm()
  }

  echo<T>(value: T): T {
    return value
  }

  refuse(name: string): never {
    throw Object.assign(new Error('no'), { name })
  }

  async slow(): Promise<void> {
    await new Promise<void>((resolve) => {
      Tally.later = resolve
    })
  }

  alarm(): void | Promise<void> {
    Tally.alarms.push(this.inMemory)
    return Tally.alarm(this)
  }
}

/** Objects of one namespace, and a caller who does not die. */
function tallies({ platform }: World, queue = new SimulatedQueue('q', platform, { retriesMax: 3 })) {
  Tally.alarms = []
  Tally.alarm = () => undefined
  const objects: Objects<Tally> = new Objects(
    platform,
    (ctx, life, durable) =>
      new Tally(ctx, { QUEUE: queue.binding(life, durable), TALLY: objects.binding(life, durable) }),
  )
  const namespace = objects.binding(new Life())
  const call = (method: keyof Tally & string, ...args: unknown[]) => {
    const stub = namespace.get(namespace.idFromName('T'))
    return (stub[method] as (...args: unknown[]) => Promise<unknown>)(...args)
  }
  return { objects, queue, call }
}

const outcome = (work: Promise<unknown>) =>
  work.then(
    (value) => ({ value, error: undefined }),
    (error: Error) => ({ value: undefined, error }),
  )

test('an answer leaves an object only when what it rests on is durable, whenever the object crashes', async () => {
  const seen = new Set<string>()
  for (const seed of SEEDS) {
    const world = new World(seed)
    const { objects, call } = tallies(world)
    world.faults.force('object_crashed')
    const { value, error } = await world.ends(outcome(call('add', 5)))
    await world.passes(100)
    objects.crash('T')
    const total = await world.ends(call('total'))
    if (error) expect(error).toMatchObject({ durableObjectReset: true, retryable: true })
    seen.add(`${error ? 'lost' : value} ${total}`)
    objects.close()
  }
  // Both; neither; and a write whose answer was lost.
  expect([...seen].sort()).toEqual(['5 5', 'lost 0', 'lost 5'])
})

test('what an object sends leaves only when what it rests on is durable', async () => {
  const seen = new Set<string>()
  for (const seed of SEEDS) {
    const world = new World(seed)
    const { objects, call, queue } = tallies(world)
    world.faults.force('object_crashed')
    await world.ends(outcome(call('addAndSay', 5)))
    await world.passes(100)
    objects.crash('T')
    seen.add(`${queue.backlog().backlogCount} ${await world.ends(call('total'))}`)
    objects.close()
  }
  expect([...seen].sort()).toEqual(['0 0', '0 5', '1 5'])
})

test('what an object tells another one leaves only when what it rests on is durable', async () => {
  const seen = new Set<string>()
  for (const seed of SEEDS) {
    const world = new World(seed)
    const { objects, call } = tallies(world)
    world.faults.force('object_crashed')
    await world.ends(outcome(call('addAndTell', 5, 'U')))
    await world.passes(100)
    objects.crash('T')
    const has = (name: string) => {
      const isMade = objects.read(name, "SELECT 1 FROM sqlite_master WHERE name = 'rows'").length > 0
      return isMade && objects.read(name, 'SELECT 1 FROM rows').length > 0
    }
    seen.add(`${has('T') ? 'kept' : 'lost'}, ${has('U') ? 'told' : 'not told'}`)
    objects.close()
  }
  expect([...seen].sort()).toEqual(['kept, not told', 'kept, told', 'lost, not told'])
})

test('an alarm is set with the writes around it, or not at all', async () => {
  const seen = new Set<string>()
  for (const seed of SEEDS) {
    const world = new World(seed)
    const { objects, call } = tallies(world)
    world.faults.force('object_crashed')
    await world.ends(outcome(call('addAndPlan', 5, START_MS + HOUR_MS)))
    objects.crash('T')
    seen.add(`${objects.alarmAtMs('T')} ${await world.ends(call('total'))}`)
    objects.close()
  }
  expect([...seen].sort()).toEqual([`${START_MS + HOUR_MS} 5`, 'null 0'])
})

test('a transaction that throws leaves neither rows nor an alarm, and one within it only its own', async () => {
  const world = new World(1)
  const { objects, call } = tallies(world)
  expect(await world.ends(call('addHalf', -7))).toBeNull()
  expect(await world.ends(call('total'))).toBe(0)
  expect(await world.ends(call('addHalf', 7))).toBe(START_MS + HOUR_MS)
  expect(await world.ends(call('total'))).toBe(7)
  objects.close()
})

test('an object that is evicted keeps what it wrote and loses its memory; a busy one is not evicted', async () => {
  const world = new World(2)
  const { objects, call } = tallies(world)
  await world.ends(call('add', 5))
  expect(await world.ends(call('remembered'))).toBe(5)
  const slow = outcome(call('slow'))
  await world.passes(50)
  expect(objects.evict('T')).toBe(false)
  Tally.later()
  await world.ends(slow)
  expect(objects.evict('T')).toBe(true)
  expect(objects.isAlive('T')).toBe(false)
  expect(await world.ends(call('remembered'))).toBe(0)
  expect(await world.ends(call('total'))).toBe(5)
  objects.close()
})

test('what is left of an instance that is gone can write nothing', async () => {
  const world = new World(3)
  const { objects, call } = tallies(world)
  await world.ends(call('add', 5))
  const timer = Tally.later
  objects.crash('T')
  await world.ends(call('add', 1))
  expect(timer).toThrow(AfterDeath)
  expect(await world.ends(call('total'))).toBe(6)
  objects.close()
})

test('values and errors travel as in workerd', async () => {
  const world = new World(4)
  const { objects, call } = tallies(world)
  const value = { ok: true, bytes: new Uint8Array([1, 2]) }
  const echoed = await world.ends(call('echo', value))
  expect(echoed).toEqual(value)
  expect(echoed).not.toBe(value)
  const { error } = await world.ends(outcome(call('refuse', 'KeysUnavailable')))
  expect(error).toMatchObject({ name: 'KeysUnavailable', message: 'no' })
  expect((await world.ends(outcome(call('refuse', 'RangeError')))).error).toBeInstanceOf(RangeError)
  expect((await world.ends(outcome(call('echo', () => 1)))).error?.name).toBe('DataCloneError')
  expect((await world.ends(outcome(call('add', true as never)))).error).toBeInstanceOf(TypeError)
  objects.close()
})

test('an alarm wakes an object that is gone, and runs once when all goes well', async () => {
  const world = new World(5)
  const { objects, call } = tallies(world)
  await world.ends(call('addAndPlan', 5, START_MS + HOUR_MS))
  await world.passes(100)
  expect(objects.evict('T')).toBe(true)
  await world.passes(HOUR_MS - 1000)
  expect(Tally.alarms).toEqual([])
  await world.passes(2 * HOUR_MS)
  expect(Tally.alarms).toEqual([0])
  expect(objects.alarmAtMs('T')).toBeNull()
  objects.close()
})

test('an alarm that throws is tried again six times, and is then gone', async () => {
  const world = new World(6)
  const { objects, call } = tallies(world)
  Tally.alarm = () => {
    throw new Error('broken')
  }
  await world.ends(call('addAndPlan', 5, START_MS + 1000))
  await world.passes(HOUR_MS)
  expect(Tally.alarms).toHaveLength(7)
  expect(world.uncaught).toHaveLength(7)
  expect(objects.alarmAtMs('T')).toBeNull()
  objects.close()
})

test('a handler that sets the next alarm has it, also when it crashed before', async () => {
  for (const seed of SEEDS.slice(0, 100)) {
    const world = new World(seed)
    const { objects, call } = tallies(world)
    Tally.alarm = (tally) => tally.addAndPlan(1, START_MS + HOUR_MS)
    await world.ends(call('addAndPlan', 5, START_MS + 1000))
    world.faults.force('object_crashed')
    await world.passes(HOUR_MS / 2)
    expect(objects.alarmAtMs('T')).toBe(START_MS + HOUR_MS)
    // Once, or again after a crash before the commit.
    expect(await world.ends(call('total'))).toBe(6)
    objects.close()
  }
})

test('an alarm may be lost, or run twice', async () => {
  const world = new World(7)
  const { objects, call } = tallies(world)
  world.faults.force('alarm_lost')
  await world.ends(call('addAndPlan', 5, START_MS + 1000))
  await world.passes(HOUR_MS)
  expect(Tally.alarms).toEqual([])
  world.faults.force('alarm_repeated')
  await world.ends(call('addAndPlan', 5, world.scheduler.nowMs + 1000))
  await world.passes(HOUR_MS)
  expect(Tally.alarms).toHaveLength(2)
  objects.close()
})

const codeOf = (key: string) =>
  ['INSERT INTO offline_idempotency_keys VALUES (?, ?, ?, ?, ?)', 'a', key, 'f', null, 1] as const

function database(world: World) {
  const d1 = new SimulatedD1(world.platform)
  const db = d1.binding(new Life())
  const insert = (key: string) => {
    const [sql, ...values] = codeOf(key)
    return db.prepare(sql).bind(...values)
  }
  const keys = () => d1.read('SELECT key FROM offline_idempotency_keys ORDER BY key').map(({ key }) => key)
  return { d1, db, insert, keys }
}

test('a batch to D1 is one transaction, and its refusal is told as D1 tells it', async () => {
  const world = new World(8)
  const { d1, db, insert, keys } = database(world)
  const { error } = await world.ends(outcome(db.batch([insert('a'), insert('b'), insert('a')])))
  expect(error?.message).toMatch(/^D1_ERROR: UNIQUE constraint failed: .*: SQLITE_CONSTRAINT$/)
  expect(isRefusedByD1(error)).toBe(true)
  expect(keys()).toEqual([])
  const [answer] = await world.ends(db.batch([insert('a'), insert('b')]))
  expect(answer?.meta).toMatchObject({ changes: 1, rows_written: 1, rows_read: 0 })
  expect(keys()).toEqual(['a', 'b'])
  d1.close()
})

test('a call to D1 fails before it did anything, or after it did all of it', async () => {
  const world = new World(9)
  const { d1, insert, keys } = database(world)
  world.faults.force('d1_call_lost')
  expect((await world.ends(outcome(insert('before').run()))).error?.message).toMatch(/^D1_ERROR/)
  expect(keys()).toEqual([])
  world.faults.force('d1_answer_lost')
  const { error } = await world.ends(outcome(insert('after').run()))
  expect(isRefusedByD1(error)).toBe(false)
  expect(keys()).toEqual(['after'])
  world.faults.force('d1_row_refused')
  expect(isRefusedByD1((await world.ends(outcome(insert('refused').run()))).error)).toBe(true)
  expect(keys()).toEqual(['after'])
  d1.close()
})

test('each run finds D1 as the migrations leave it, with the time of its own world', async () => {
  const before = database(new World(10))
  before.d1.close()
  const world = new World(11)
  const first = database(world)
  await world.ends(first.insert('a').run())
  expect(first.keys()).toEqual(['a'])
  first.d1.close()
  const { d1, db, keys } = database(world)
  expect(keys()).toEqual([])
  await world.passes(HOUR_MS)
  const time = await world.ends(db.prepare('SELECT unixepoch() AS s').first('s'))
  expect(Number(time)).toBeGreaterThanOrEqual((START_MS + HOUR_MS) / 1000)
  expect(Number(time)).toBeLessThan((START_MS + HOUR_MS) / 1000 + 60)
  const triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1"
  expect((await world.ends(db.prepare(triggers).raw()))[0]).toEqual(['offline_audit_logs_no_delete'])
  d1.close()
})

/** The settle queue as the reconciler's own client sees it. */
function pulled(world: World, retriesMax = 3) {
  const deadLetters = new SimulatedQueue('dead', world.platform, { retriesMax: 3 })
  const queue = new SimulatedQueue('q', world.platform, { retriesMax, deadLetters })
  const api = pullApi({ q: queue }, world.platform)
  const config = { accountId: 'local', id: 'q', token: 'local', apiUrl: 'https://queue.test/client/v4' }
  const client = openQueue(config as never, ((url: string, init: RequestInit) => api(new Request(url, init))) as never)
  const send = (n: number) =>
    world.ends(queue.binding(new Life()).send(new Uint8Array([n]), { contentType: 'bytes' }) as Promise<unknown>)
  const pull = async () => (await client.pull()).map(({ body }) => body[0])
  return { queue, deadLetters, client, send, pull }
}

test('a pulled message is hidden for its visibility timeout, and comes again unless it is acknowledged', async () => {
  const world = new World(12)
  const { queue, client, send, pull } = pulled(world)
  await send(7)
  const [message] = await client.pull()
  expect(message?.body).toEqual(new Uint8Array([7]))
  expect(await pull()).toEqual([])
  await world.passes(29_000)
  expect(await pull()).toEqual([])
  await world.passes(2_000)
  expect(await pull()).toEqual([7])
  // Late, and for a delivery that somebody else has now: it still ends the message.
  await client.acknowledge([message?.leaseId ?? ''])
  await world.passes(HOUR_MS)
  expect(await pull()).toEqual([])
  expect(queue.backlog().backlogCount).toBe(0)
})

test('a message whose deliveries are used up goes to the dead letters', async () => {
  const world = new World(13)
  const { queue, deadLetters, send, pull } = pulled(world, 1)
  await send(7)
  for (const expected of [[7], [7], []]) {
    expect(await pull()).toEqual(expected)
    await world.passes(31_000)
  }
  expect(queue.backlog().backlogCount).toBe(0)
  expect(deadLetters.backlog().backlogCount).toBe(1)
})

test('a queue loses, repeats, delays and forgets, and calls of it fail before or after they did their work', async () => {
  const world = new World(14)
  const { queue, client, send, pull } = pulled(world)
  world.faults.force('queue_message_lost')
  await send(1)
  world.faults.force('queue_message_repeated')
  await send(2)
  world.faults.force('queue_message_delayed')
  await send(3)
  expect(await pull()).toEqual([2])
  world.faults.force('queue_answer_lost')
  await expect(client.pull()).rejects.toThrow()
  await world.passes(9 * HOUR_MS)
  expect((await pull()).sort()).toEqual([2, 2, 3])
  world.faults.force('queue_call_lost')
  await expect(send(4)).rejects.toThrow()
  world.faults.force('queue_answer_lost')
  await expect(send(5)).rejects.toThrow()
  expect(await pull()).toEqual([5])
  world.faults.force('queue_forgot_all')
  expect(await pull()).toEqual([])
  expect(queue.backlog().backlogCount).toBe(0)
})

/** The index queue with a consumer. */
function pushed(world: World, handle: (batch: PushedBatch) => void) {
  const queue = new SimulatedQueue('index', world.platform, { retriesMax: 100 })
  const settings = { batchMax: 100, batchTimeoutMs: 1_000, concurrencyMax: 4 }
  new PushConsumer(queue, settings, world.platform, async (batch) => handle(batch))
  const producer = queue.binding(new Life())
  return (...bodies: unknown[]) => world.ends(producer.sendBatch(bodies.map((body) => ({ body, contentType: 'v8' }))))
}

test('a batch that returns is acknowledged but for what it gave back; one that throws comes again', async () => {
  const world = new World(15)
  const batches: unknown[][] = []
  const send = pushed(world, ({ messages }) => {
    batches.push(messages.map(({ body }) => body))
    if (batches.length === 1) messages[1]?.retry({ delaySeconds: 60 })
    if (batches.length === 2) throw new Error('broken')
  })
  await send({ n: 1 }, { n: 2 })
  await world.passes(50_000)
  expect(batches).toEqual([[{ n: 1 }, { n: 2 }]])
  await world.passes(60_000)
  expect(batches).toEqual([[{ n: 1 }, { n: 2 }], [{ n: 2 }], [{ n: 2 }]])
  await world.passes(HOUR_MS)
  expect(batches).toHaveLength(3)
})

/** A Worker that answers with what its object counts. */
const worker = {
  handler: {
    async fetch(_: Request, env: { DEVICE: ReturnType<Objects<Tally>['binding']> }) {
      const total = await env.DEVICE.getByName('T')['add']?.(1)
      return new Response(`${total}`)
    },
  },
  DeviceObject: Tally,
  forgetIsolate: () => undefined,
}

function edgeOf({ platform }: World) {
  const { scheduler, random, faults } = platform
  return openEdge({ scheduler, random, faults, settings: {}, worker: worker as unknown as WorkerModules })
}
const request = () => new Request('https://edge.test/')

test('requests of an isolate that is gone fail, and their change may have been made', async () => {
  const world = new World(16)
  const edge = await edgeOf(world)
  const before = edge.env
  const cut = outcome(edge.fetch(request()))
  await world.passes(2)
  edge.restartIsolate()
  expect((await world.ends(cut)).error?.message).toBe('the isolate is gone')
  expect(edge.env).not.toBe(before)
  await world.passes(1000)
  expect(await (await world.ends(edge.fetch(request()))).text()).toBe('2')
  edge.close()
})

test('the same seed is the same run', async () => {
  const run = async (seed: number) => {
    const world = new World(seed)
    const edge = await edgeOf(world)
    for (const fault of ['object_crashed', 'object_answer_lost', 'isolate_died'] as const) world.faults.set(fault, 0.3)
    const story: unknown[] = []
    for (let call = 0; call < 20; call++) {
      const { value, error } = await world.ends(outcome(edge.fetch(request()).then((answer) => answer.text())))
      story.push([world.scheduler.nowMs, value ?? error?.message])
    }
    edge.close()
    return [story, world.scheduler.steps, [...world.faults.struck]]
  }
  expect(await run(17)).toEqual(await run(17))
  expect(await run(17)).not.toEqual(await run(18))
})
