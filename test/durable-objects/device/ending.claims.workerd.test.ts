import { beforeAll, beforeEach, expect, it } from 'vitest'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { ReviewMessage } from '../../../src/protocol/messages.ts'
import { statesOf } from '../../../src/protocol/payment-states.ts'
import type { PaymentStatus } from '../../../src/protocol/states.ts'
import { keySet, pushed, registered } from '../../edge/kit.ts'
import { admin, call, ok } from '../../edge/routes/kit.ts'
import { type Made, randomBytes, type TestDevice } from '../../kit/device.ts'
import { confirm, deliverIndex, inObject, lostQueues, type Queues, select } from './kit.ts'

/** What waits for its payer ends with the device that took it, in the act that revokes it. */
let queues: Queues
let device: TestDevice
let made: Made
beforeAll(async () => {
  await keySet()
})
/** Counters 1 and 2 are claims, 3 waits for people, 4 is under way. */
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  device.signsForPayers = false
  queues.watch(device)
  const early = { initiatedAtMs: Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000 }
  const own = { sender: device.ownerWallet, receiver: 'W-SHOP' }
  const payments = [device.payment(), device.payment(), device.payment(early), device.payment(own)]
  made = await device.bundle(payments, await keySet())
  await pushed(made.bundle)
  queues.clear()
  expect(await states()).toEqual(['claimed', 'claimed', 'review time_out_of_range', 'pending'])
})

const states = async () => {
  const rows = await select<{ payments: string }>(device, 'SELECT payments FROM bundles WHERE seq = 1')
  return rows.flatMap(({ payments }) => statesOf(JSON.parse(payments))).map((state) => state.slice(1).join(' '))
}
const revoke = (key?: string) =>
  call(
    admin,
    'POST',
    `/offline/devices/${device.id}/revoke`,
    { reason: 'stolen' },
    key ? { 'idempotency-key': key } : {},
  )
const choices = () =>
  queues.settle
    .filter((message): message is ReviewMessage => message.kind === 'review')
    .flatMap((message) => message.choices.map(({ counter, choice }) => [counter, choice]))
const settled = (rev: number, ...outcomes: [number, PaymentStatus, string?][]) =>
  confirm(device, [
    {
      ...{ kind: 'bundle_settled', deviceId: device.id, bundleId: made.header.bundleId, seq: 1, rev },
      outcomes: outcomes.map(([counter, status, reason]) => ({ counter, status, atMs: 1, ...(reason && { reason }) })),
    } as const,
  ])
const ENDED = [...Array(3).fill('pending device_revoked'), 'pending']

it('all that waits ends at once; the answer and the audit say how much, and what is under way goes on', async () => {
  const key = crypto.randomUUID()
  const answer = { device_id: device.id, status: 'revoked', ended: { reviews: 1, claims: 2 } }
  expect(await ok(revoke(key))).toEqual(answer)
  expect(choices()).toEqual([[1, 'revoke'], [2, 'revoke'], [3, 'revoke']]) // biome-ignore format: a list
  expect(await states()).toEqual(ENDED)
  const records = await select<{ detail: string }>(device, "SELECT detail FROM audit WHERE action = 'device_revoked'")
  expect(records.map(({ detail }) => JSON.parse(detail))).toEqual([
    { reason: 'stolen', from: 'active', reviews: 1, claims: 2 },
  ])
  // Asked again after its answer was lost, and by somebody who does not know of it.
  expect(await ok(revoke(key))).toEqual(answer)
  expect(await ok(revoke())).toEqual({ device_id: device.id, status: 'revoked' })
  expect(choices()).toHaveLength(3)
})

it('a device that is suspended keeps what waits, and loses it when it is revoked', async () => {
  await ok(call(admin, 'POST', `/offline/devices/${device.id}/suspend`, { reason: 'stolen' }))
  expect(await states()).toContain('claimed')
  expect(choices()).toEqual([])
  expect((await ok(revoke())).ended).toEqual({ reviews: 1, claims: 2 })
})

it('however many bundles wait, each ends', async () => {
  await inObject(device, ({ storage: { sql } }) => {
    const row = sql.exec('SELECT * FROM bundles').one()
    for (let seq = 2; seq <= 250; seq++) {
      const copy = { ...row, seq, bundle_id: randomBytes(16), nonce: randomBytes(16), listing_rev: null }
      const names = Object.keys(copy)
      sql.exec(
        `INSERT INTO bundles (${names.join()}) VALUES (${names.map(() => '?').join()})`,
        ...(Object.values(copy) as SqlStorageValue[]),
      )
    }
  })
  expect((await ok(revoke())).ended).toEqual({ reviews: 250, claims: 500 })
  const left = `SELECT 1 FROM bundles WHERE payments LIKE '%claimed%' OR payments LIKE '%review%'`
  expect(await select(device, left)).toEqual([])
  expect(await select(device, 'SELECT 1 FROM resolutions')).toHaveLength(250)
})

it('news from before the book had heard of it lets no claim wait again', async () => {
  await ok(revoke())
  queues.clear()
  await settled(1, [1, 'claimed'], [2, 'claimed'], [3, 'review', 'time_out_of_range'], [4, 'succeeded'])
  expect(choices()).toEqual([])
  expect(await states()).toEqual([...ENDED.slice(0, 3), 'succeeded'])
})

it('what the book makes a claim after that ends as it is told', async () => {
  await ok(revoke())
  queues.clear()
  await settled(1, [4, 'claimed'])
  expect(choices()).toEqual([[4, 'revoke']])
  expect(await states()).toEqual(Array(4).fill('pending device_revoked'))
})

it('a payer’s yes that the book had before it stands, and everybody is shown that', async () => {
  await ok(revoke())
  const failed = [2, 3].map((counter): [number, PaymentStatus, string] => [counter, 'failed', 'device_revoked'])
  await settled(1, [1, 'succeeded'], ...failed, [4, 'succeeded'])
  expect(await states()).toEqual(['succeeded', 'failed device_revoked', 'failed device_revoked', 'succeeded'])
  await deliverIndex(queues)
  const shown = await ok(call(admin, 'GET', `/offline/bundles/${ulidText(made.header.bundleId)}`))
  expect(shown.status).toBe('partially_accepted')
})
