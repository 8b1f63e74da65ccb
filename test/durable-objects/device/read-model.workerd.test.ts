import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { INDEX_PATIENCE_MS } from '../../../durable-objects/device/owed/owed.ts'
import type { Env } from '../../../src/edge/env.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { bindings, keySet, pushed, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import {
  age,
  alarm,
  alarmIn,
  confirm,
  deliverIndex,
  dumpObject,
  inObject,
  lostQueues,
  owed,
  type Queues,
  readNotice,
  recordAll,
  stubOf,
} from './kit.ts'

/** The read model gets every row: by whoever settles a bundle, by the index queue, or again. */
const [SECOND, MINUTE, _HOUR] = [1000, 60_000, 3_600_000]
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
const _kinds = () => queues.settle.map(({ kind }) => kind)
const indexed = () => queues.index.flatMap(({ bundle }) => (bundle ? [`${bundle.seq}.${bundle.rev}`] : []))
const _loseAlarm = () => inObject(device, ({ storage }) => storage.deleteAlarm())
/** The instance that lives now; another one after an eviction. */
const _instance = () => inObject(device, (_, object) => object)

describe('D1', () => {
  it('what it does not show stays owed, however often it was sent', async () => {
    await pushOne()
    await recordAll(device, queues)
    queues.clear()
    await age(device, 11 * SECOND)
    await alarm(device)
    expect(await owed(device)).toEqual({ settle: 0, index: 3 })
    expect(queues.settle).toEqual([])
    await deliverIndex(queues)
    expect(await owed(device)).toEqual({ settle: 0, index: 0 })
  })

  it('an older rev than the object’s is not taken for the news', async () => {
    const old = queues.index.splice(0)
    await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'lost')
    queues.clear()
    await deliverIndex({ ...queues, index: old })
    // The device's newer facts, and the record of them.
    expect((await owed(device)).index).toBe(2)
    await age(device, 11 * SECOND)
    await alarm(device)
    await deliverIndex(queues)
    expect((await owed(device)).index).toBe(0)
  })

  it('is shown a bundle that is settled at once by whoever settles it: no queue, and nothing owed', async () => {
    await deliverIndex(queues)
    await recordAll(device, queues)
    const { bundleId } = (await pushOne()).receipt
    expect(await settle(bundleId, 1)).toBe('confirmed')
    expect(queues.index).toEqual([])
    expect(await owed(device)).toEqual({ settle: 0, index: 0 })
    expect(await shownRev(bundleId)).toBe(2)
  })

  it('that does not take the rows of a settlement is owed them again, and its device is told all the same', async () => {
    await recordAll(device, queues)
    await deliverIndex(queues)
    const { bundleId } = (await pushOne()).receipt
    const DB = { ...failing, prepare: bindings.DB.prepare.bind(bindings.DB) } as never
    expect(await settle(bundleId, 1, { DB, DEVICE: bindings.DEVICE })).toBe('confirmed')
    expect(await shownRev(bundleId)).toBeNull()
    expect((await readNotice(device, 0)).outcomes).toHaveLength(1)
    expect(await owed(device)).toEqual({ settle: 0, index: 1 })
    expect(await alarmIn(device)).toBeLessThanOrEqual(5 * SECOND)
    await age(device, 5 * SECOND)
    await alarm(device)
    await deliverIndex(queues)
    expect(await shownRev(bundleId)).toBe(2)
    expect(await owed(device)).toEqual({ settle: 0, index: 0 })
  })

  it('whose debt the object cannot be told of is asked about again; then the object hands out the rows once more', async () => {
    const { bundleId } = (await pushOne()).receipt
    const DB = { ...failing, prepare: bindings.DB.prepare.bind(bindings.DB) } as never
    const deaf = (id: DurableObjectId) => {
      const stub = bindings.DEVICE.get(id)
      const notShown = () => Promise.reject(new Error('no object'))
      return { confirm: (...said: Parameters<typeof stub.confirm>) => stub.confirm(...said), notShown }
    }
    const DEVICE = { idFromName: bindings.DEVICE.idFromName.bind(bindings.DEVICE), get: deaf } as never
    expect(await settle(bundleId, 1, { DB, DEVICE })).toBe('retry')
    const before = await dumpObject(device)
    expect(await settle(bundleId, 1)).toBe('confirmed')
    expect(await dumpObject(device)).toBe(before)
    expect(await shownRev(bundleId)).toBe(2)
  })

  it('has a settlement that comes late in a record of its own, and each settlement after the first', async () => {
    const { bundleId } = (await pushOne()).receipt
    await age(device, 2 * MINUTE)
    await settle(bundleId, 1)
    await settle(bundleId, 2, bindings, 'reversed')
    const { results } = await bindings.DB.prepare(
      'SELECT id, action FROM offline_audit_logs WHERE bundle_id = ? ORDER BY id',
    )
      .bind(ulidText(bundleId))
      .all()
    expect(results).toEqual([
      { id: `${device.id}/b1.1`, action: 'bundle_settled' },
      { id: `${device.id}/b1.2`, action: 'bundle_settled' },
    ])
  })

  it('is told after a moment of a bundle that nobody settles', async () => {
    await deliverIndex(queues)
    await pushOne()
    expect(await alarmIn(device)).toBeLessThanOrEqual(5 * SECOND)
    await age(device, 5 * SECOND)
    await alarm(device)
    expect(indexed()).toEqual(['1.1'])
    await deliverIndex(queues)
    expect(await owed(device)).toEqual({ settle: 2, index: 0 })
  })

  it('and by the instance that admitted it, before any alarm', async () => {
    await recordAll(device, queues)
    await deliverIndex(queues)
    await pushOne()
    queues.clear()
    await age(device, INDEX_PATIENCE_MS)
    const alarmMs = await alarmIn(device)
    expect(alarmMs).toBeGreaterThan(INDEX_PATIENCE_MS)
    // One that comes later finds the object out of memory, and has to start it.
    expect(alarmMs).toBeLessThan(10 * SECOND)
    await inObject(device, () => void vi.advanceTimersByTime(INDEX_PATIENCE_MS))
    await vi.waitFor(() => expect(indexed()).toEqual(['1.1']))
    // What it did not get rid of, the alarm sends again soon.
    expect(await alarmIn(device)).toBeLessThanOrEqual(20 * SECOND)
  })

  it('that holds it but could not say so is told again, and then it is known; a repeat writes nothing', async () => {
    await pushOne()
    await age(device, 11 * SECOND)
    await alarm(device)
    const messages = [...queues.index]
    const down = { ...bindings.DEVICE, idFromName: bindings.DEVICE.idFromName.bind(bindings.DEVICE), get: unreachable }
    await deliverIndex(queues, { ...bindings, DEVICE: down as never })
    expect((await owed(device)).index, 'nobody was told').toBe(3)
    await deliverIndex({ ...queues, index: [...messages] })
    expect((await owed(device)).index).toBe(0)
    const before = await dumpObject(device)
    await deliverIndex({ ...queues, index: messages })
    expect(await dumpObject(device)).toBe(before)
  })

  it('of the audit, what follows a record that it does not hold is still owed', async () => {
    await deliverIndex(queues)
    await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'lost')
    queues.clear()
    await stubOf(device).setStatus('active', { actor: 'user:ops' }, 'found')
    await deliverIndex(queues)
    // The records of the suspension, and of its end, which D1 has.
    expect((await owed(device)).index).toBe(2)
    await age(device, 11 * SECOND)
    await alarm(device)
    await deliverIndex(queues)
    expect((await owed(device)).index).toBe(0)
  })

  it('saying that it holds what never was makes nothing of it', async () => {
    await pushOne()
    const before = await owed(device)
    await stubOf(device).indexed({
      deviceRev: 0,
      bundles: [
        [1, 7],
        [9, 1],
      ],
      auditIds: [77],
    })
    expect(await owed(device)).toEqual(before)
    const unknown = { id: `NEVER-SEEN-${crypto.randomUUID()}` } as TestDevice
    const untouched = await dumpObject(unknown)
    await stubOf(unknown).indexed({ deviceRev: 1, bundles: [[1, 1]], auditIds: [1] })
    expect(await dumpObject(unknown)).toBe(untouched)
  })
})

function settle(
  bundleId: Uint8Array,
  rev: number,
  env: Pick<Env, 'DB' | 'DEVICE'> = bindings,
  status: 'succeeded' | 'reversed' = 'succeeded',
) {
  const outcomes = [{ counter: 1, status, atMs: 1 }] as const
  return confirm(device, [{ kind: 'bundle_settled', deviceId: device.id, bundleId, seq: 1, rev, outcomes }], 'r-1', env)
}
const failing = { batch: () => Promise.reject(new Error('D1 does not answer')) }
const shownRev = (bundleId: Uint8Array) =>
  bindings.DB.prepare('SELECT rev FROM offline_tx_bundles WHERE bundle_id = ?').bind(ulidText(bundleId)).first('rev')
const unreachable = () => ({ indexed: () => Promise.reject(new Error('no object')) })
