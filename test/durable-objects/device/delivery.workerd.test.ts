import { evictDurableObject } from 'cloudflare:test'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { sweep } from '../../../durable-objects/device/owed/sweep.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { bindings, keySet, pushed, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import {
  age,
  alarm,
  alarmIn,
  deliverIndex,
  dumpObject,
  inCountry,
  inObject,
  lostQueues,
  owed,
  type Queues,
  recordAll,
  settleSeqs,
  stubOf,
} from './kit.ts'

/** What is owed stays owed until the reconciler confirms it and D1 shows it, whatever fails in between. */
const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]
let keys: KeySet
let queues: Queues
let device: TestDevice

beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  // The patience of instances, other tests' among them, ends when a test says so.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

const pushOne = async () => pushed((await device.bundle([device.payment()], keys)).bundle)
const kinds = () => queues.settle.map(({ kind }) => kind)
const indexed = () => queues.index.flatMap(({ bundle }) => (bundle ? [`${bundle.seq}.${bundle.rev}`] : []))
const loseAlarm = () => inObject(device, ({ storage }) => storage.deleteAlarm())
/** The instance that lives now; another one after an eviction. */
const instance = () => inObject(device, (_, object) => object)

describe('a queue that loses everything', () => {
  it('delays and loses nothing: the alarm sends again until both sides have it, then rests', async () => {
    await pushOne()
    queues.clear()
    expect(await owed(device)).toEqual({ settle: 2, index: 3 })
    for (let round = 0; round < 3; round++) {
      await age(device, 11 * SECOND)
      expect(await alarm(device), `round ${round}`).toBe(true)
      expect(kinds().toSorted(), `round ${round}`).toEqual(['bundle', 'device'])
      expect(indexed(), `round ${round}`).toEqual(['1.1'])
      queues.clear()
    }
    await age(device, HOUR)
    await alarm(device)
    await recordAll(device, queues)
    await deliverIndex(queues)
    expect(await owed(device)).toEqual({ settle: 0, index: 0 })
    expect(await alarmIn(device)).toBeUndefined()
    expect(await alarm(device)).toBe(false)
    expect(queues.settle).toEqual([])
    expect(queues.index).toEqual([])
  })

  it('what was just sent is not sent again before its patience is over', async () => {
    await pushOne()
    await recordAll(device, { ...queues, settle: queues.settle.filter(({ kind }) => kind === 'device') })
    queues.clear()
    await alarm(device)
    expect(queues.settle).toEqual([])
    expect(indexed()).toEqual([])
  })

  it('only what is not confirmed is sent again', async () => {
    for (let i = 0; i < 3; i++) await pushOne()
    const kept = queues.settle.filter((_, i) => i !== 2)
    queues.clear()
    await recordAll(device, { ...queues, settle: kept })
    await age(device, 11 * SECOND)
    await alarm(device)
    expect(settleSeqs(queues)).toEqual([2])
  })

  it('a hundred and fifty owed bundles are sent over more than one alarm, and all of them arrive', async () => {
    await pushOne()
    await inObject(device, ({ storage }) => {
      const columns = storage.sql.exec('SELECT * FROM bundles LIMIT 0').columnNames.slice(3).join(', ')
      for (let seq = 2; seq <= 150; seq++) {
        const insert = `INSERT INTO bundles (seq, bundle_id, nonce, ${columns})`
        storage.sql.exec(
          `${insert} SELECT ?1, randomblob(16), randomblob(16), ${columns} FROM bundles WHERE seq = 1`,
          seq,
        )
      }
      storage.sql.exec('UPDATE device SET head = 150')
      // Confirmations go by bundle id; these rows carry the first bundle's bytes, so they are confirmed in place below.
    })
    await age(device, MINUTE)
    queues.clear()
    await alarm(device)
    expect(queues.settle.filter(({ kind }) => kind === 'bundle')).toHaveLength(100)
    await inObject(device, ({ storage }) => {
      storage.sql.exec('UPDATE bundles SET recorded = 1, indexed_rev = rev WHERE seq <= 100')
    })
    queues.clear()
    await alarm(device)
    expect(queues.settle.filter(({ kind }) => kind === 'bundle')).toHaveLength(50)
  })
})

describe('a queue that is down', () => {
  it.each(['rejects', 'throws'] as const)(
    '(%s) does not keep a push from its receipt, and gets all of it later',
    async (how) => {
      queues.clear()
      queues.fails = how
      const { receipt } = await pushOne()
      expect(receipt).toMatchObject({ seq: 1, exceptions: [] })
      expect(await alarmIn(device)).toBeLessThanOrEqual(10 * SECOND)
      await age(device, 11 * SECOND)
      await alarm(device)
      expect(await alarmIn(device)).toBeGreaterThan(0)
      queues.fails = undefined
      await age(device, 11 * SECOND)
      await alarm(device)
      expect(settleSeqs(queues)).toEqual([1])
      expect(indexed()).toEqual(['1.1'])
    },
  )

  it.each([
    [0, 5 * SECOND],
    [MINUTE, MINUTE],
    [8 * MINUTE, 8 * MINUTE],
    [26 * HOUR, 15 * MINUTE],
  ])('owed for %i ms, it is tried again after about as long, 15 minutes at the most', async (sinceMs, pauseMs) => {
    await pushOne()
    await age(device, sinceMs)
    await alarm(device)
    const inMs = (await alarmIn(device)) ?? 0
    expect(inMs).toBeGreaterThan(pauseMs * 0.75 - SECOND)
    expect(inMs).toBeLessThan(pauseMs * 1.25 + SECOND)
  })

  it('a new bundle does not wait for the pause of an old one', async () => {
    await pushOne()
    await age(device, 26 * HOUR)
    await alarm(device)
    await pushOne()
    expect(await alarmIn(device)).toBeLessThanOrEqual(20 * SECOND)
  })
})

describe('alarms', () => {
  it('a lost alarm is set again when the object is constructed', async () => {
    await pushOne()
    const before = await instance()
    await loseAlarm()
    await evictDurableObject(stubOf(device))
    expect(await instance()).not.toBe(before)
    expect(await alarmIn(device)).toBeLessThanOrEqual(10 * SECOND)
  })

  it('an object that owes nothing sets none', async () => {
    await recordAll(device, queues)
    await deliverIndex(queues)
    await alarm(device)
    await evictDurableObject(stubOf(device))
    expect(await alarmIn(device)).toBeUndefined()
  })

  it('the sweep wakes an object that lost its alarm, evicted or not, also when the read model never heard of it', async () => {
    const known = await bindings.DB.prepare('SELECT * FROM offline_devices WHERE device_id = ?').bind(device.id).first()
    expect(known).toBeNull()
    for (const evicted of [true, false]) {
      await loseAlarm()
      if (evicted) await evictDurableObject(stubOf(device))
      // Every other device of this file was swept after this one, or never.
      await inCountry('SN', ({ storage }) => {
        storage.sql.exec('UPDATE devices SET swept_at = NULL WHERE device_id = ?', device.id)
      })
      await sweep(bindings, Date.now())
      expect(await alarmIn(device), `evicted: ${evicted}`).toBeLessThanOrEqual(10 * SECOND)
    }
  })

  it('the sweep goes round: it wakes first whoever was not woken for the longest time', async () => {
    const seen = await lostQueues()
    const others = [await registered(), await registered()]
    await deliverIndex(seen)
    await deliverIndex(queues)
    await sweep(bindings, Date.now())
    await sweep(bindings, Date.now())
    const late = await registered()
    await deliverIndex(seen)
    const swept = () =>
      inCountry('SN', ({ storage }) => {
        const rows = storage.sql.exec<{ id: string; at: number | null }>(
          'SELECT device_id AS id, swept_at AS at FROM devices',
        )
        return new Map([...rows].map(({ id, at }) => [id, at]))
      })
    expect((await swept()).get(late.id)).toBeNull()
    const beforeMs = Date.now()
    await sweep(bindings, beforeMs)
    const after = await swept()
    for (const { id } of [device, ...others, late]) expect(after.get(id)).toBeGreaterThanOrEqual(beforeMs)
  })

  it('an alarm that was lost while the object lives is set again by the first push after its time', async () => {
    await pushOne()
    const atMs = Date.now() + 200
    await inObject(device, ({ storage }) => storage.setAlarm(atMs))
    await evictDurableObject(stubOf(device))
    // The new instance has read when its alarm is due; then the alarm goes.
    await loseAlarm()
    const { bundle } = await device.bundle([device.payment()], keys)
    while (Date.now() <= atMs) await pushed(bundle)
    await pushOne()
    expect(await alarmIn(device)).toBeLessThanOrEqual(20 * SECOND)
  })

  it.each([
    ['none', null],
    ['one whose time is long past and that never ran', -HOUR],
  ])('%s is set again by the sweep and by a new instance', async (_, sinceMs) => {
    await pushOne()
    const setIn: (number | null)[] = []
    await inObject(device, ({ storage }) => {
      // No runtime loses an alarm on purpose.
      const shared = Object.getPrototypeOf(storage) as DurableObjectStorage
      const spies = [
        vi.spyOn(shared, 'getAlarm').mockResolvedValue(sinceMs === null ? null : Date.now() + sinceMs),
        vi.spyOn(shared, 'setAlarm').mockImplementation(async (at) => void setIn.push(Number(at) - Date.now())),
      ]
      onTestFinished(() => spies.forEach((spy) => void spy.mockRestore()))
    })
    await stubOf(device).wake()
    await evictDurableObject(stubOf(device))
    await instance()
    expect(setIn).toHaveLength(2)
    for (const ms of setIn) expect(ms).toBeGreaterThan(0)
  })

  it('an alarm that runs twice sends twice and changes nothing else', async () => {
    await pushOne()
    await age(device, 11 * SECOND)
    queues.clear()
    const rows = () =>
      inObject(device, ({ storage }) => JSON.stringify(storage.sql.exec('SELECT * FROM bundles').toArray().length))
    const before = await rows()
    await inObject(device, (_, object) => object.alarm())
    await inObject(device, (_, object) => object.alarm())
    expect(settleSeqs(queues)).toEqual([1, 1])
    expect(await rows()).toEqual(before)
    expect(await owed(device)).toEqual({ settle: 2, index: 3 })
  })

  it('an alarm of an object that was never registered makes nothing', async () => {
    const unknown = { id: `NEVER-SEEN-${crypto.randomUUID()}` } as TestDevice
    const before = await dumpObject(unknown)
    await inObject(unknown, (_, object) => object.alarm())
    expect(await dumpObject(unknown)).toBe(before)
  })
})

it('facts of a device that nobody takes are sent with growing pauses too', async () => {
  await deliverIndex(queues)
  queues.clear()
  await age(device, 8 * MINUTE)
  await alarm(device)
  expect(kinds()).toEqual(['device'])
  expect(await alarmIn(device)).toBeGreaterThan(5 * MINUTE)
})
