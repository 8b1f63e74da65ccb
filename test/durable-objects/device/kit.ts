import { createMessageBatch, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { expect, onTestFinished, vi } from 'vitest'
import { countryStub } from '../../../durable-objects/device/bindings.ts'
import type { DeviceObject } from '../../../durable-objects/device/device-object.ts'
import { owesListing } from '../../../durable-objects/device/owed/listing.ts'
import { INDEX_PATIENCE_MS } from '../../../durable-objects/device/owed/owed.ts'
import { hasSchema } from '../../../durable-objects/device/sql/schema.ts'
import { configOf } from '../../../src/edge/config.ts'
import type { Env } from '../../../src/edge/env.ts'
import { confirmAll } from '../../../src/edge/settle/confirm-all.ts'
import { consumeIndex } from '../../../src/edge/store/consume-index.ts'
import type { IndexMessage } from '../../../src/edge/store/index-message.ts'
import { sealIndexMessage } from '../../../src/edge/store/seal-index.ts'
import { parseBundle } from '../../../src/protocol/bundle.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import { type CborValue, decodeCbor } from '../../../src/protocol/cbor.ts'
import type { Claim } from '../../../src/protocol/claims.ts'
import { type Confirmation, encodeConfirmations, splitConfirmations } from '../../../src/protocol/confirmations.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import type { SettleMessage } from '../../../src/protocol/messages.ts'
import { currency } from '../../../src/protocol/money.ts'
import { outcomeFromCbor } from '../../../src/protocol/notice.ts'
import type { Country } from '../../../src/protocol/policy.ts'
import { parseSettleMessage, settleContent } from '../../../src/protocol/settle-codec.ts'
import { bindings } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'

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

/** Looks into the object of a country. */
export const inCountry = <R>(country: Country, run: (state: DurableObjectState) => R | Promise<R>): Promise<R> =>
  runInDurableObject(countryStub(bindings, country), (_, state) => run(state)) as Promise<R>

export const select = <T = Record<string, SqlStorageValue>>(device: DeviceId, query: string, ...args: unknown[]) =>
  inObject(device, ({ storage }) => storage.sql.exec(query, ...(args as SqlStorageValue[])).toArray() as T[])

/** Until the object of its country has all that it lists of the device. */
export async function listed(device: DeviceId): Promise<void> {
  await vi.waitFor(async () => {
    const owing = await inObject(device, ({ storage: { sql } }) => hasSchema(sql) && owesListing(sql))
    expect(owing).toBe(false)
  })
}

/** Every row of every table of the object as text, tables and triggers included: equal means untouched. */
export async function dumpObject(device: DeviceId): Promise<string> {
  await listed(device)
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

/** Objects give blobs as ArrayBuffers, D1 as lists of numbers; in a dump both are hex. */
function hexBlobs(_: string, value: unknown): unknown {
  if (value instanceof ArrayBuffer) return toHex(new Uint8Array(value))
  const isBlob = Array.isArray(value) && value.length > 0 && value.every((byte) => typeof byte === 'number')
  return isBlob ? toHex(Uint8Array.from(value as number[])) : value
}

const puts: (() => void)[] = []

/** Takes out what is still put into the bindings. */
export function restoreBindings(): void {
  for (const takeOut of puts.splice(0).reverse()) takeOut()
}

/** The bindings that all objects share; what is put there is taken out by the answer, or before the next test file. */
export async function putBindings(over: Partial<Writable<Env>> & Record<string, unknown>): Promise<() => void> {
  const shared = await inObject({ id: 'BINDINGS' } as DeviceId, (_, object) => {
    return (object as unknown as { env: Record<string, unknown> }).env
  })
  const before = Object.fromEntries(Object.keys(over).map((name) => [name, shared[name]]))
  Object.assign(shared, over)
  const takeOut = () => void Object.assign(shared, before)
  puts.push(takeOut)
  return takeOut
}

export interface Queues {
  readonly settle: SettleMessage[]
  readonly index: IndexMessage[]
  /** Set to make every send fail: `rejects` as an outage does, `throws` as a message that cannot be encoded does. */
  fails: 'rejects' | 'throws' | undefined
  clear(): void
  /** Keeps the messages of this device only: alarms of others run when they will. */
  watch(device: DeviceId): void
}

/** Puts queues under the objects that keep what they are sent and deliver nothing: a queue that loses everything. */
export async function recordQueues(): Promise<Queues & { restore: () => void }> {
  let watched: string | undefined
  const isWatched = (deviceId: string | undefined) => watched === undefined || deviceId === watched
  const queues: Queues = {
    settle: [],
    index: [],
    fails: undefined,
    clear() {
      queues.settle.length = 0
      queues.index.length = 0
    },
    watch({ id }) {
      watched = id
      queues.settle.splice(0, queues.settle.length, ...queues.settle.filter(({ deviceId }) => isWatched(deviceId)))
      queues.index.splice(0, queues.index.length, ...queues.index.filter((message) => isWatched(ownerOf(message))))
    },
  }
  const send = (take: (body: never) => void) => (body: never) => {
    if (queues.fails === 'throws') throw new Error('cannot be encoded')
    if (queues.fails === 'rejects') return Promise.reject(new Error('queue is down'))
    take(body)
    return Promise.resolve({})
  }
  const settle = (body: Uint8Array) => {
    const message = parseSettleMessage(settleContent(body))
    if (isWatched(message.deviceId)) queues.settle.push(message)
  }
  const index = (message: IndexMessage) => {
    if (isWatched(ownerOf(message))) queues.index.push(message)
  }
  const batch = async (messages: readonly { readonly body: Uint8Array }[]) => {
    for (const { body } of messages) await send(settle)(body as never)
  }
  const restore = await putBindings({
    SETTLE_QUEUE: { send: send(settle), sendBatch: batch } as never,
    INDEX_QUEUE: { send: send(index) } as never,
  })
  return Object.assign(queues, { restore })
}

const ownerOf = ({ device, bundle, audit }: IndexMessage) =>
  device?.deviceId ?? bundle?.deviceId ?? audit?.[0]?.deviceId ?? undefined

/** The same, until the test ends. */
export async function lostQueues(): Promise<Queues> {
  const queues = await recordQueues()
  onTestFinished(queues.restore)
  return queues
}

/** Moves what is owed into the past, as if so much time had gone by without an answer. */
export function age(device: DeviceId, ms: number): Promise<void> {
  return inObject(device, ({ storage: { sql } }) => {
    sql.exec('UPDATE device SET facts_at = facts_at - ?', ms)
    unguarded(sql, 'bundles_no_update', () => {
      sql.exec(
        'UPDATE bundles SET received_at = received_at - ?1, updated_at = updated_at - ?1, expires_at = expires_at - ?1',
        ms,
      )
    })
    unguarded(sql, 'audit_no_update', () => void sql.exec('UPDATE audit SET at = at - ?', ms))
  })
}

/** Does what a trigger lets nobody do. */
export function unguarded(sql: SqlStorage, trigger: string, run: () => void): void {
  const guard = sql.exec('SELECT sql FROM sqlite_master WHERE name = ?', trigger).one()['sql'] as string
  sql.exec(`DROP TRIGGER ${trigger}`)
  run()
  sql.exec(guard)
}

/** The same in D1. */
export async function unguardedInD1(trigger: string, run: () => Promise<unknown>): Promise<void> {
  const guard = await bindings.DB.prepare('SELECT sql FROM sqlite_master WHERE name = ?').bind(trigger).first('sql')
  await bindings.DB.prepare(`DROP TRIGGER ${trigger}`).run()
  await run()
  await bindings.DB.prepare(`${guard}`).run()
}

/** Runs the alarm now. @returns whether one was set */
export const alarm = (device: DeviceId) => runDurableObjectAlarm(stubOf(device))

/** Some time without the reconciler goes by: then the read model is told of bundles that are not settled. */
export async function tellReadModel(device: DeviceId): Promise<void> {
  const late = 'UPDATE bundles SET updated_at = updated_at - ? WHERE indexed_rev < rev'
  await inObject(device, ({ storage }) => void storage.sql.exec(late, INDEX_PATIENCE_MS))
  await alarm(device)
}

/** Milliseconds until the alarm; undefined when none is set. */
export const alarmIn = (device: DeviceId) =>
  inObject(device, async ({ storage }) => {
    const at = await storage.getAlarm()
    return at === null ? undefined : at - Date.now()
  })

/** The seqs of the bundles that were sent to settle, in the order in which they were sent. */
export const settleSeqs = (queues: Queues): number[] =>
  queues.settle.flatMap((message) => (message.kind === 'bundle' ? [parseBundle(message.bundle).claims.seq] : []))

/** A message to the read model as an object sends it. */
export const sealedIndex = async (rows: IndexMessage): Promise<IndexMessage> =>
  sealIndexMessage(rows, await configOf(bindings).macKey('index_message'))

/** Gives D1 what the index queue holds, as the consumer does, and empties the queue. @param only what is about this device */
export async function deliverIndex(
  queues: Queues,
  env: Pick<Env, 'DB' | 'DEVICE'> = bindings,
  only?: DeviceId,
): Promise<void> {
  const held = queues.index.splice(0).filter((message) => only === undefined || ownerOf(message) === only.id)
  const messages = held.map((body, i) => ({ id: `${i}`, timestamp: 0, attempts: 1, body }))
  if (messages.length === 0) return
  await consumeIndex(createMessageBatch('molam-index', messages), env)
}

/** The reconciler says this of a device: its object applies it, and the read model shows it. @returns what it is answered */
export async function confirm(
  { id }: DeviceId,
  confirmations: readonly Confirmation[],
  requestId = 'r-1',
  env: Pick<Env, 'DB' | 'DEVICE'> = bindings,
) {
  const own = [...splitConfirmations(encodeConfirmations(confirmations)).values()]
  const said = await confirmAll(env, new Map([[id, own[0] ?? new Uint8Array()]]), requestId)
  return said.get(id)
}

/** The device is asked about one claim on its owner's wallet, and about no other. @param rev of the list; an older one changes nothing */
export async function askAbout(
  device: DeviceId,
  rev: number,
  about: Pick<Claim, 'takerId' | 'counter' | 'contentHash' | 'amount'>,
): Promise<void> {
  const { takerId, counter, contentHash, amount } = about
  const claim: Claim = {
    ...{ takerId, counter, contentHash, amount, type: 'merchant', currency: currency('XOF'), receiver: 'W-SHOP' },
    ...{ initiatedAtMs: 1000, openUntilMs: Date.now() + 3_600_000 },
  }
  await confirm(device, [
    { kind: 'claims_open', deviceId: deviceId(device.id), rev, claims: [claim], mandated: [], debits: [] },
  ])
}

/** What the reconciler says once it holds everything that was sent to it. */
export async function recordAll(device: DeviceId, queues: Queues): Promise<void> {
  const confirmations = queues.settle.splice(0).flatMap((message): Confirmation[] => {
    const { kind, deviceId } = message
    if (kind === 'device') return [{ kind: 'device_recorded', deviceId, rev: message.rev }]
    if (kind !== 'bundle') return []
    const { bundleId, seq } = parseBundle(message.bundle).claims
    return [{ kind: 'bundle_recorded', deviceId, bundleId, seq }]
  })
  if (confirmations.length > 0) await confirm(device, confirmations)
}

/** What an object answered, which must be no refusal. */
export function accepted<T>(answer: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!answer.ok) throw new Error(`refused: ${answer.error}`)
  return answer.value
}

export const describeDevice = async (device: DeviceId) => accepted(await stubOf(device).describe())

export async function readNotice(device: Pick<TestDevice, 'id' | 'kid'>, cursor?: number, wantsPass = false) {
  const parts = accepted(await stubOf(device).notice(device.kid, { cursor, wantsPass }))
  const outcomes = decodeCbor(parts.outcomes) as readonly CborValue[]
  return { ...parts, outcomes: outcomes.map(outcomeFromCbor) }
}

/** What the object still owes. */
export async function owed(device: DeviceId): Promise<{ settle: number; index: number }> {
  const { settle, index } = (await describeDevice(device)).owed
  return { settle, index }
}
