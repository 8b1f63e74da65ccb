import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { BundleSettled, Confirmation } from '../../../src/protocol/confirmations.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Outcome } from '../../../src/protocol/notice.ts'
import { keySet, pushed, registered } from '../../edge/kit.ts'
import { type Made, randomBytes, TestDevice } from '../../kit/device.ts'
import {
  confirm as confirmAt,
  describeDevice,
  dumpObject,
  lostQueues,
  type Queues,
  readNotice,
  recordAll,
  select,
  stubOf,
} from './kit.ts'

/** What the reconciler confirms: repeats, any order and old news change nothing; a final status stays. */
let keys: KeySet
let queues: Queues
let device: TestDevice
let made: Made

beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
  made = await device.bundle([device.payment(), device.payment(), device.payment()], keys)
  await pushed(made.bundle)
})

const outcome = (counter: number, status: Outcome['status'], reason?: string): Outcome => ({
  counter,
  status,
  atMs: 1_790_000_000_000 + counter,
  ...(reason !== undefined && { reason }),
})
const settled = (rev: number, outcomes: readonly Outcome[], over: Partial<BundleSettled> = {}): BundleSettled => ({
  kind: 'bundle_settled',
  deviceId: device.id,
  bundleId: made.header.bundleId,
  seq: 1,
  rev,
  outcomes,
  ...over,
})
const confirm = (...confirmations: readonly Confirmation[]) => confirmAt(device, confirmations)
const bundleRow = async () =>
  (await select(device, 'SELECT status, payments, settlements, recorded, settled_rev, rev FROM bundles'))[0]
const told = (cursor = 0) => readNotice(device, cursor)

describe('outcomes', () => {
  it('reach the payments, the bundle’s status, the audit, and the device by its cursor', async () => {
    const news = [outcome(1, 'succeeded'), outcome(2, 'failed', 'insufficient_funds'), outcome(3, 'succeeded')]
    await confirm(settled(1, news))
    expect(await bundleRow()).toMatchObject({
      status: 'partially_accepted',
      payments: '[[1,1,"succeeded"],[2,2,"failed","insufficient_funds"],[3,3,"succeeded"]]',
      recorded: 1,
      rev: 2,
    })
    expect(await told()).toMatchObject({ outcomes: news, cursor: 1 })
    expect(await told(1)).toMatchObject({ outcomes: [], cursor: 1 })
    const [settlement, ...others] = JSON.parse(`${(await bundleRow())?.['settlements']}`)
    expect(settlement).toEqual({
      ...{ atMs: expect.any(Number), requestId: 'r-1', status: 'partially_accepted', payments: 3 },
    })
    expect(others).toEqual([])
  })

  it('applied twice, in one call or two, they are told once', async () => {
    const news = settled(1, [outcome(1, 'succeeded')])
    await confirm(news, news)
    const before = await dumpObject(device)
    await confirm(news)
    expect(await dumpObject(device)).toBe(before)
    expect((await told()).outcomes).toEqual([outcome(1, 'succeeded')])
  })

  it('an older rev changes nothing, whatever it says', async () => {
    await confirm(settled(5, [outcome(1, 'succeeded')]))
    const before = await dumpObject(device)
    for (const rev of [1, 4, 5]) await confirm(settled(rev, [outcome(1, 'failed'), outcome(2, 'failed')]))
    expect(await dumpObject(device)).toBe(before)
  })

  it('before the confirmation that the bundle is recorded, they say that too', async () => {
    await confirm(settled(1, []))
    expect(await bundleRow()).toMatchObject({ recorded: 1 })
    const before = await dumpObject(device)
    await confirm({ kind: 'bundle_recorded', deviceId: device.id, bundleId: made.header.bundleId, seq: 1 })
    expect(await dumpObject(device)).toBe(before)
  })

  it.each([
    ['succeeded', 'failed'],
    ['succeeded', 'pending'],
    ['succeeded', 'review'],
    ['failed', 'succeeded'],
    ['refused', 'succeeded'],
    ['refused', 'pending'],
    ['reversed', 'succeeded'],
  ] as const)('a payment that is %s never becomes %s', async (from, to) => {
    if (from === 'reversed') await confirm(settled(1, [outcome(1, 'succeeded')]))
    await confirm(settled(2, [outcome(1, from)]))
    const { cursor } = await told()
    await confirm(settled(3, [outcome(1, to)]))
    expect(JSON.parse(`${(await bundleRow())?.['payments']}`)[0]).toEqual([1, 1, from])
    expect((await told(cursor)).outcomes).toEqual([])
  })

  it('a success can be reversed, and a review goes on to any end', async () => {
    await confirm(settled(1, [outcome(1, 'succeeded'), outcome(2, 'review'), outcome(3, 'quarantined')]))
    expect(await bundleRow()).toMatchObject({ status: 'quarantined' })
    await confirm(
      settled(2, [outcome(1, 'reversed'), outcome(2, 'succeeded'), outcome(3, 'failed', 'reviewer_rejected')]),
    )
    expect(await bundleRow()).toMatchObject({ status: 'partially_accepted' })
    expect((await told(1)).outcomes).toHaveLength(3)
  })

  it('of counters that are not in the bundle are not told', async () => {
    await confirm(settled(1, [outcome(4, 'succeeded'), outcome(99, 'failed')]))
    expect((await told()).outcomes).toEqual([])
  })
})

describe('what does not fit', () => {
  it('another bundle id changes nothing, although the seq is right', async () => {
    const before = await dumpObject(device)
    const bundleId = randomBytes(16)
    await confirm(settled(1, [outcome(1, 'succeeded')], { bundleId }))
    await confirm({ kind: 'bundle_recorded', deviceId: device.id, bundleId, seq: 1 })
    expect(await dumpObject(device)).toBe(before)
  })

  it('a device that was never registered is answered false, and makes no table', async () => {
    const unknown = await TestDevice.create()
    const before = await dumpObject(unknown)
    expect(await confirmAt(unknown, [settled(1, [outcome(1, 'succeeded')])])).toBe('unknown_device')
    expect(await dumpObject(unknown)).toBe(before)
  })

  it('a device rev that does not exist yet confirms what exists, and no later change', async () => {
    await confirm({ kind: 'device_recorded', deviceId: device.id, rev: 99 })
    queues.clear()
    await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'test')
    expect((await describeDevice(device)).owed.settle).toBe(2)
    await recordAll(device, { ...queues, settle: queues.settle.splice(0) })
    expect((await describeDevice(device)).owed.settle).toBe(1)
    await confirm({ kind: 'device_recorded', deviceId: device.id, rev: 1 })
    expect((await describeDevice(device)).owed.settle).toBe(1)
  })

  it('one confirmation that is nothing to us does not keep the others from being applied', async () => {
    const stray = settled(1, [outcome(1, 'failed')], { bundleId: randomBytes(16) })
    await confirm(stray, settled(1, [outcome(1, 'succeeded')]), stray)
    expect((await told()).outcomes).toEqual([outcome(1, 'succeeded')])
  })

  it('a bundle that the reconciler holds and the object has never seen is an error that somebody sees', async () => {
    const lines: string[] = []
    const spy = vi.spyOn(console, 'error').mockImplementation((line) => void lines.push(line))
    onTestFinished(() => spy.mockRestore())
    await confirm(settled(1, [outcome(1, 'succeeded')]))
    expect(lines).toEqual([])
    const bundleId = randomBytes(16)
    await confirm(settled(1, [outcome(1, 'failed')], { bundleId }), settled(2, [], { bundleId }))
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'error', deviceId: device.id, bundleIds: [ulidText(bundleId)] },
    ])
  })
})

describe('the cursor', () => {
  it('pages at 500 outcomes and misses none', async () => {
    const entries = Array.from({ length: 40 }, () => device.payment({ amount: amountMinor(1) }))
    const { receipt } = await pushed((await device.bundle(entries, keys)).bundle)
    const { bundleId } = receipt
    // 40 a confirmation, 30 confirmations: pages do not end where 500 are.
    const all: string[] = []
    for (let rev = 1; rev <= 30; rev++) {
      const open = entries.map(({ counter }) => outcome(counter, rev % 2 === 0 ? 'pending' : 'quarantined', `r${rev}`))
      all.push(...open.map(({ counter, reason }) => `${counter} ${reason}`))
      await confirm(settled(rev, open, { bundleId, seq: 2 }))
    }
    const [read, pages]: [string[], number[]] = [[], []]
    for (let cursor = 0, last = -1; cursor !== last; ) {
      const page = await told(cursor)
      read.push(...page.outcomes.map(({ counter, reason }) => `${counter} ${reason}`))
      pages.push(page.outcomes.length)
      ;[last, cursor] = [cursor, page.cursor]
    }
    expect(pages).toEqual([480, 480, 240, 0])
    expect(read).toEqual(all)
  })

  it('beyond the last, as after a restored backup of the server, starts nothing over and loses nothing later', async () => {
    await confirm(settled(1, [outcome(1, 'succeeded')]))
    expect(await told(77)).toMatchObject({ outcomes: [], cursor: 1 })
    await confirm(settled(2, [outcome(2, 'succeeded')]))
    expect((await told(1)).outcomes).toEqual([outcome(2, 'succeeded')])
  })
})
