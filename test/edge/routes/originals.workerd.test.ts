import { beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { equalBytes } from '../../../src/protocol/bytes.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { inObject, type Queues, recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { bindings, registered } from '../kit.ts'
import { auditor, call, ok, pushPayments, refused, reviewer } from './kit.ts'

/** Signed bundles stand in their objects alone: people see them through the objects, also while these start anew. */
let queues: Queues
let device: TestDevice
let made: Made
let path: string

beforeAll(async () => {
  queues = await recordQueues()
})
beforeEach(async () => {
  device = await registered({ country: 'ML', tenant: 'originals' })
  const waits = device.payment({
    amount: amountMinor(80_000),
    sender: device.ownerWallet,
    receiver: 'W-B',
  })
  made = await pushPayments(device, [waits], queues)
  path = `/offline/bundles/${ulidText(made.header.bundleId)}`
})

/** The next calls for originals reset the object under whoever asks. @returns how many were made */
async function resets(times: number): Promise<() => number> {
  const methods = await inObject(device, (_, object) => Object.getPrototypeOf(object) as Record<string, unknown>)
  const before = methods['originals'] as (ids: readonly Uint8Array[]) => unknown
  onTestFinished(() => void Object.assign(methods, { originals: before }))
  let asked = 0
  methods['originals'] = function (this: { ctx: DurableObjectState }, ids: readonly Uint8Array[]) {
    if (!this.ctx.id.equals(stubOf(device).id) || ++asked > times) return before.call(this, ids)
    this.ctx.abort('reset by a test')
    return new Promise(() => {})
  }
  return () => asked
}

const own = { ...reviewer, roles: ['pay_reviewer', 'pay_auditor'], tenant: 'originals' }
const reviews = async () => (await ok(call(own, 'GET', `/offline/reviews?device_id=${device.id}`))).reviews

it('D1 holds no bytes of a bundle, and people get the very bytes that the device signed', async () => {
  const rows = await bindings.DB.prepare('SELECT * FROM offline_tx_bundles WHERE device_id = ?').bind(device.id).raw()
  const bytes = rows.flat().filter((value) => Array.isArray(value)) as number[][]
  // Of its digest the first half.
  expect(bytes.map(({ length }) => length)).toEqual([16])
  const original = await call(auditor, 'GET', `${path}/original`)
  expect(original.headers.get('content-type')).toBe('application/vnd.molam.bundle+cose')
  expect(equalBytes(new Uint8Array(await original.arrayBuffer()), made.bundle)).toBe(true)
})

it('what a reviewer sees stays while its object starts anew', async () => {
  const asked = await resets(1)
  expect(await reviews()).toMatchObject([{ contents: 'verified', payments: [{ amount: 80_000 }] }])
  expect(asked()).toBe(2)
})

it('of an object that does not answer the page shows what the read model has, and says that the rest is unavailable', async () => {
  await resets(100)
  const [shown] = await reviews()
  expect(shown).toMatchObject({ contents: 'unavailable', payments: [{ counter: 1, status: 'review' }] })
  expect(JSON.stringify(shown)).not.toMatch(/"amount"/)
  expect(await ok(call(auditor, 'GET', path))).toMatchObject({ contents: 'unavailable', status: 'review' })
  await refused(call(auditor, 'GET', `${path}/original`), 'temporarily_unavailable')
  const dryRun = { country: 'ML', changes: { enabled: true } }
  await refused(call(own, 'POST', '/offline/policies/dry-run', dryRun), 'temporarily_unavailable')
})

it('a bundle of the same device keeps its own bytes: each is looked up by its id', async () => {
  const second = await pushPayments(device, [device.payment()], queues)
  for (const { header, bundle } of [made, second]) {
    const answer = await call(auditor, 'GET', `/offline/bundles/${ulidText(header.bundleId)}/original`)
    expect(equalBytes(new Uint8Array(await answer.arrayBuffer()), bundle)).toBe(true)
  }
})
