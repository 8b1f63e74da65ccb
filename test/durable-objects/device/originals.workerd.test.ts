import { beforeAll, beforeEach, expect, it } from 'vitest'
import { equalBytes, toBase64url } from '../../../src/protocol/bytes.ts'
import { parseSign1 } from '../../../src/protocol/cose.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { decodeReceipt } from '../../../src/protocol/receipt.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { alarms } from '../../attacks/d1/kit.ts'
import { bindings, keySet, pushed, registered } from '../../edge/kit.ts'
import { auditor, call, ok, pushPayments, refused, reviewer } from '../../edge/routes/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { age, confirm, inObject, lostQueues, putBindings, type Queues, select, stubOf } from './kit.ts'

/** Bytes of bundles that were settled long ago move to the bucket, and what a receipt covers can always be read. */
let queues: Queues
let keys: KeySet
let device: TestDevice
let made: Made

beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered({ country: 'ML' })
  queues.watch(device)
  made = await pushPayments(device, [device.payment()], queues)
  await settle(made)
})

async function settle({ header: { bundleId, seq } }: Made): Promise<void> {
  const outcomes = [{ counter: seq, status: 'succeeded', atMs: 1 }] as const
  await confirm(device, [{ kind: 'bundle_settled', deviceId: device.id, bundleId, seq, rev: 1, outcomes }])
}

const wake = () => stubOf(device).wake()
const here = () => select<{ seq: number; here: number }>(device, 'SELECT seq, bundle IS NOT NULL AS here FROM bundles')
const path = () => `/offline/bundles/${ulidText(made.header.bundleId)}?device_id=${device.id}`
const shown = () => ok(call(auditor, 'GET', path()))
const inBucket = async () => (await bindings.BUNDLES.list()).objects.map(({ key }) => key)

async function expectReadable(): Promise<void> {
  expect(await shown()).toMatchObject({ contents: 'verified', payments: [{ amount: 2_500 }] })
  const original = await call(auditor, 'GET', path().replace('?', '/original?'))
  expect(equalBytes(new Uint8Array(await original.arrayBuffer()), made.bundle)).toBe(true)
}

/** The bucket of all objects, with something of it replaced. */
function bucket(over: (real: R2Bucket) => Partial<R2Bucket>): Promise<() => void> {
  const real = bindings.BUNDLES
  const calls = { put: real.put.bind(real), get: real.get.bind(real), ...over(real) }
  return putBindings({ BUNDLES: calls as never })
}

it('after 90 days they are in the bucket, once, and people read the very bytes', async () => {
  const before = await inBucket()
  await age(device, 89 * DAY_MS)
  await wake()
  expect(await here()).toEqual([{ seq: 1, here: 1 }])
  await age(device, 2 * DAY_MS)
  for (let times = 0; times < 3; times++) await wake()
  expect(await here()).toEqual([{ seq: 1, here: 0 }])
  expect((await inBucket()).length).toBe(before.length + 1)
  await expectReadable()
})

it('the same push again gets the same receipt', async () => {
  const [row] = await select<{ receipt: ArrayBuffer }>(device, 'SELECT receipt FROM bundles')
  const before = decodeReceipt(parseSign1(new Uint8Array(row?.receipt ?? new ArrayBuffer())).payload)
  await age(device, 91 * DAY_MS)
  await wake()
  expect((await pushed((await device.resign(made)).bundle)).receipt).toEqual(before)
})

it.each<[string, (real: R2Bucket) => Partial<R2Bucket>]>([
  ['before it has them', () => ({ put: () => Promise.reject(new Error('bucket is down')) })],
  [
    'after it has them',
    (real) => ({
      put: async (...put: Parameters<R2Bucket['put']>) => {
        await real.put(...put)
        throw new Error('connection lost')
      },
    }),
  ],
  ['with something else', () => ({ put: async () => ({ size: 1 }) as R2Object })],
])('when the bucket fails %s they stay, and the next wake moves them', async (_, over) => {
  await age(device, 91 * DAY_MS)
  const restore = await bucket(over)
  await wake()
  expect(await here()).toEqual([{ seq: 1, here: 1 }])
  await expectReadable()
  restore()
  await wake()
  expect(await here()).toEqual([{ seq: 1, here: 0 }])
  await expectReadable()
})

it('of a bundle that waits, that the reconciler does not have, or that stands beside evidence, they stay', async () => {
  const waits = device.payment({
    amount: amountMinor(80_000),
    sender: device.ownerWallet,
    receiver: 'W-B',
  })
  await pushPayments(device, [waits], queues)
  await settle(await pushPayments(device, [device.payment()], queues))
  await inObject(device, ({ storage: { sql } }) => {
    sql.exec(`INSERT INTO evidence VALUES (x'01', 'chain_fork', 1, 1, x'02', 3)`)
  })
  await age(device, 91 * DAY_MS)
  for (let times = 0; times < 3; times++) await wake()
  expect((await here()).map((row) => row.here)).toEqual([1, 1, 1])
})

it('while the bucket is down the page says unavailable; when it has other bytes, or none, an alarm says so', async () => {
  await age(device, 91 * DAY_MS)
  await wake()
  let restore = await bucket(() => ({ get: () => Promise.reject(new Error('bucket is down')) }))
  expect(await shown()).toMatchObject({ contents: 'unavailable' })
  await refused(call(auditor, 'GET', path().replace('?', '/original?')), 'temporarily_unavailable')
  restore()
  for (const found of [null, { arrayBuffer: async () => new ArrayBuffer(8) }]) {
    restore = await bucket(() => ({ get: async () => found as never }))
    const count = await alarms('bundle', async () => {
      expect(await shown()).toMatchObject({ contents: 'not_verified' })
    })
    expect(count).toBe(1)
    restore()
  }
  await expectReadable()
})

it('nobody’s vote counts while the bucket is down, and it is told to come again', async () => {
  await age(device, 91 * DAY_MS)
  await wake()
  const restore = await bucket(() => ({ get: () => Promise.reject(new Error('bucket is down')) }))
  const reverse = () => call(reviewer, 'POST', `/offline/transactions/${device.id}/1/reverse`, { reason: 'fraud' })
  await refused(reverse(), 'temporarily_unavailable')
  restore()
  await refused(reverse(), 'too_late_to_reverse')
})

it('evidence that comes later stands beside the whole bundle all the same', async () => {
  await age(device, 91 * DAY_MS)
  await wake()
  await inObject(device, ({ storage: { sql } }) => {
    sql.exec(
      `INSERT INTO evidence VALUES (x'01', 'chain_fork', 1, 1, x'02', 3), (x'03', 'chain_fork', 1, NULL, x'02', 3)`,
    )
  })
  const { evidence } = await ok(call(auditor, 'GET', `/offline/devices/${device.id}/evidence`))
  expect(evidence).toMatchObject([{ admitted: toBase64url(made.bundle) }, { admitted: null }])
})

it('no statement lets go what the reconciler does not have, or what nobody moved', async () => {
  const { bundle } = await device.bundle([device.payment()], keys)
  await pushed(bundle)
  await inObject(device, ({ storage: { sql } }) => {
    for (const change of [
      "UPDATE bundles SET bundle = NULL, moved = x'01' WHERE seq = 2",
      "UPDATE bundles SET bundle = x'00' WHERE seq = 1",
      'UPDATE bundles SET bundle = NULL WHERE seq = 1',
    ]) {
      expect(() => sql.exec(change), change).toThrow(/append-only|CHECK/)
    }
  })
})
