import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { onTestFinished } from 'vitest'
import type { DeviceObject } from '../../durable-objects/device-object.ts'
import type { Env } from '../../src/env.ts'
import { parseBundle } from '../../src/protocol/bundle.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { parseSettleMessage, type SettleMessage } from '../../src/protocol/messages.ts'
import type { IndexMessage } from '../../src/store/index-message.ts'
import { bindings } from '../edge/kit.ts'
import type { TestDevice } from '../kit/device.ts'

/** Looks into Device Objects, and puts other bindings under them. */
export type DeviceId = Pick<TestDevice, 'id'>
type Writable<T> = { -readonly [K in keyof T]: T[K] }

export function stubOf({ id }: DeviceId): DurableObjectStub<DeviceObject> {
  return bindings.DEVICE.get(bindings.DEVICE.idFromName(id))
}

export function inObject<R>(
  device: DeviceId,
  run: (state: DurableObjectState, object: DeviceObject) => R | Promise<R>,
) {
  return runInDurableObject(stubOf(device), (object, state) => run(state, object)) as Promise<R>
}

export const select = <T = Record<string, SqlStorageValue>>(device: DeviceId, query: string, ...args: unknown[]) =>
  inObject(device, ({ storage }) => storage.sql.exec(query, ...(args as SqlStorageValue[])).toArray() as T[])

/** Every row of every table of the object as text, tables and triggers included: equal means untouched. */
export function dumpObject(device: DeviceId): Promise<string> {
  return inObject(device, async ({ storage }) => {
    const schema = storage.sql
      .exec("SELECT name, type FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY name")
      .toArray()
    const tables = schema.filter(({ type, name }) => type === 'table' && !`${name}`.startsWith('sqlite_'))
    const rows = tables.map(({ name }) => [name, [...storage.sql.exec(`SELECT * FROM "${name}"`).raw()]])
    return JSON.stringify([schema, rows, await storage.getAlarm()], hexBlobs)
  })
}

const READ_MODEL = ['offline_devices', 'offline_tx_bundles', 'offline_policies', 'offline_audit_logs']

/** Every row of D1 as text. */
export async function dumpReadModel(): Promise<string> {
  const tables = await bindings.DB.batch(READ_MODEL.map((table) => bindings.DB.prepare(`SELECT * FROM ${table}`)))
  return JSON.stringify(
    tables.map(({ results }) => results),
    hexBlobs,
  )
}

const hexBlobs = (_: string, value: unknown) => (value instanceof ArrayBuffer ? toHex(new Uint8Array(value)) : value)

/** The bindings that all objects of this test file share; what is put there is taken out after the test. */
export async function putBindings(over: Partial<Writable<Env>> & Record<string, unknown>): Promise<() => void> {
  const shared = await inObject({ id: 'BINDINGS' } as DeviceId, (_, object) => {
    return (object as unknown as { env: Record<string, unknown> }).env
  })
  const before = Object.fromEntries(Object.keys(over).map((name) => [name, shared[name]]))
  Object.assign(shared, over)
  return () => void Object.assign(shared, before)
}

export interface Queues {
  readonly settle: SettleMessage[]
  readonly index: IndexMessage[]
  /** Set to make every send fail: `rejects` as an outage does, `throws` as a message that cannot be encoded does. */
  fails: 'rejects' | 'throws' | undefined
  clear(): void
}

/** Puts queues under the objects that keep what they are sent and deliver nothing: a queue that loses everything. */
export async function recordQueues(): Promise<Queues & { restore: () => void }> {
  const queues: Queues = {
    settle: [],
    index: [],
    fails: undefined,
    clear() {
      queues.settle.length = 0
      queues.index.length = 0
    },
  }
  const send = (take: (body: never) => void) => (body: never) => {
    if (queues.fails === 'throws') throw new Error('cannot be encoded')
    if (queues.fails === 'rejects') return Promise.reject(new Error('queue is down'))
    take(body)
    return Promise.resolve({})
  }
  const restore = await putBindings({
    SETTLE_QUEUE: { send: send((body: Uint8Array) => queues.settle.push(parseSettleMessage(body))) } as never,
    INDEX_QUEUE: { send: send((body: IndexMessage) => queues.index.push(body)) } as never,
  })
  return Object.assign(queues, { restore })
}

/** The same, until the test ends. */
export async function lostQueues(): Promise<Queues> {
  const queues = await recordQueues()
  onTestFinished(queues.restore)
  return queues
}

/** Moves what is owed into the past, as if so much time had gone by without an answer. */
export function age(device: DeviceId, ms: number): Promise<void> {
  return inObject(device, ({ storage }) => {
    storage.sql.exec('UPDATE bundles SET received_at = received_at - ?1, updated_at = updated_at - ?1', ms)
  })
}

/** Runs the alarm now. @returns whether one was set */
export const alarm = (device: DeviceId) => runDurableObjectAlarm(stubOf(device))

/** Milliseconds until the alarm; undefined when none is set. */
export const alarmIn = (device: DeviceId) =>
  inObject(device, async ({ storage }) => {
    const at = await storage.getAlarm()
    return at === null ? undefined : at - Date.now()
  })

/** The seqs of the bundles that were sent to settle, in the order in which they were sent. */
export const settleSeqs = (queues: Queues): number[] =>
  queues.settle.flatMap((message) => (message.kind === 'bundle' ? [parseBundle(message.bundle).claims.seq] : []))
