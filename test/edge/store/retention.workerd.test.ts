import { beforeAll, expect, it } from 'vitest'
import { rebuildDevice } from '../../../src/edge/store/rebuild.ts'
import { removeSettled } from '../../../src/edge/store/retention.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { age, confirm, type Queues, recordQueues } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { bindings, registered } from '../kit.ts'
import { pushPayments } from '../routes/kit.ts'

/** Bundles leave the read model 90 days after they were settled, or sooner when it is full, and a rebuild brings none of them back. */
let queues: Queues
let device: TestDevice

beforeAll(async () => {
  queues = await recordQueues()
  device = await registered({ country: 'ML' })
  const settled = await pushPayments(device, [device.payment()], queues)
  await pushPayments(device, [device.payment()], queues)
  const { bundleId } = settled.header
  const outcomes = [{ counter: 1, status: 'succeeded', atMs: 1 }] as const
  await confirm(device, [{ kind: 'bundle_settled', deviceId: device.id, bundleId, seq: 1, rev: 1, outcomes }])
})

const shown = async () => {
  const query = 'SELECT seq FROM offline_tx_bundles WHERE device_id = ? ORDER BY seq'
  return (await bindings.DB.prepare(query).bind(device.id).all<{ seq: number }>()).results.map(({ seq }) => seq)
}
const sized = (bytes: number) =>
  ({
    prepare: (sql: string) =>
      sql === 'SELECT 1' ? { run: async () => ({ meta: { size_after: bytes } }) } : bindings.DB.prepare(sql),
    batch: bindings.DB.batch.bind(bindings.DB),
  }) as never as D1Database

it('not before, nor what is under way, and no trigger is in the way of anything else', async () => {
  await removeSettled(bindings.DB, Date.now() + 89 * DAY_MS)
  expect(await shown()).toEqual([1, 2])
  await expect(bindings.DB.prepare('DELETE FROM offline_tx_bundles').run()).rejects.toThrow(/append-only/)
})

it('sooner while the database is nearly full, but not within 30 days', async () => {
  expect(await removeSettled(sized(9e9), Date.now() + 29 * DAY_MS)).toBe(0)
  expect(await shown()).toEqual([1, 2])
})

it('after 90 days what was settled is gone, and what is under way stays', async () => {
  expect(await removeSettled(bindings.DB, Date.now() + 91 * DAY_MS)).toBeGreaterThan(0)
  expect(await shown()).toEqual([2])
  expect(await removeSettled(bindings.DB, Date.now() + 91 * DAY_MS)).toBe(0)
})

it('a rebuild brings back what is not old enough, and nothing else', async () => {
  const from = { seq: 0, auditId: 0 }
  const piece = { deviceId: device.id, by: 'operator:awa', from, before: { removed: 0, written: 0 } }
  await rebuildDevice(bindings, { ...piece, run: 'run-1' }, Date.now())
  expect(await shown()).toEqual([1, 2])
  await age(device, 91 * DAY_MS)
  await rebuildDevice(bindings, { ...piece, run: 'run-2' }, Date.now())
  expect(await shown()).toEqual([2])
})
