import { evictDurableObject } from 'cloudflare:test'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { prevOf } from '../../../src/protocol/chain.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { insertPolicy, keySet, pushed, registered } from '../../edge/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { describeDevice, inObject, lostQueues, readNotice, select, stubOf } from './kit.ts'

/** What an object knows of its device's past: counters, holes in the chain, and from when on payments are believed. */
const [MINUTE, HOUR] = [60_000, 3_600_000]
let keys: KeySet
let device: TestDevice

beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  await lostQueues()
  device = await registered()
})

const made = (...over: Partial<Payment>[]) =>
  device.bundle(
    over.map((bend) => device.payment(bend)),
    keys,
  )
const ago = (ms: number) => ({ initiatedAtMs: Math.floor((Date.now() - ms) / 1000) * 1000 })
const reasons = async ({ bundle }: Made) => (await pushed(bundle)).receipt.exceptions.map(({ reason }) => reason)

describe('counters', () => {
  it('that were never seen below the highest are named, until they come', async () => {
    const first = await made({}, {})
    const late = await made({}, {}, {})
    const last = await made({})
    await pushed(first.bundle)
    expect((await pushed(last.bundle)).notice.missing).toEqual([3, 4, 5])
    await evictDurableObject(stubOf(device))
    expect((await describeDevice(device)).missing).toEqual([3, 4, 5])
    expect((await pushed(late.bundle)).notice.missing).toBeUndefined()
  })

  it('of voided payments are not missing, and never become payments', async () => {
    const voided = { counter: device.counter++, voided: true } as const
    await pushed(
      (
        await device.bundle(
          [device.payment(), voided].toSorted((a, b) => a.counter - b.counter),
          keys,
        )
      ).bundle,
    )
    expect((await describeDevice(device)).missing).toEqual([])
    const [row] = await select(device, 'SELECT payments FROM bundles')
    expect(row?.['payments']).toBe('[[2,2,"pending"]]')
    const again = await device.bundle([device.payment({ counter: 1 })], keys)
    expect(await reasons(again)).toEqual(['duplicate'])
  })

  it('a device that starts again without any state learns where it stands, evicted or not', async () => {
    await pushed((await made({}, {})).bundle)
    const last = await made({})
    await pushed(last.bundle)
    await evictDurableObject(stubOf(device))
    expect(await readNotice(device)).toMatchObject({
      device: { ownerWallet: device.ownerWallet, nextCounter: 4, nextSeq: 3, prev: prevOf(last.digest) },
    })
    const fresh = await registered()
    expect(await readNotice(fresh)).toMatchObject({
      device: { nextCounter: 1, nextSeq: 1, prev: new Uint8Array(16), today: { count: 0, value: 0 } },
    })
  })

  it('and what it has used up of the day: an empty storage does not give the limits back', async () => {
    await pushed((await made({ amount: amountMinor(1_000) }, { amount: amountMinor(500) })).bundle)
    const facts = (await readNotice(device)).device
    const { activity } = await describeDevice(device)
    expect(activity).toMatchObject([{ currency: 'XOF', count: 2, value: 1_500 }])
    const counted = activity.find(({ date }) => date === facts?.today.day)
    expect(facts?.today).toMatchObject({ count: counted?.count ?? 0, value: counted?.value ?? 0 })
  })
})

describe('the chain', () => {
  it('a hole is recorded as risk of the bundle that made it, and is filled by the bundle that was withheld', async () => {
    const [first, withheld, third] = [await made({}), await made({}), await made({})]
    await pushed(first.bundle)
    await pushed(third.bundle)
    const [row] = await select<{ risk_reasons: string }>(device, 'SELECT risk_reasons FROM bundles WHERE seq = 3')
    expect(row?.risk_reasons).toContain('chain_hole')
    expect((await pushed(withheld.bundle)).receipt.seq).toBe(2)
    expect(await select(device, 'SELECT seq FROM bundles ORDER BY seq')).toEqual([{ seq: 1 }, { seq: 2 }, { seq: 3 }])
    expect((await describeDevice(device)).head).toBe(3)
  })

  it('goes on after the head when a hole was filled', async () => {
    const [first, withheld, third] = [await made({}), await made({}), await made({})]
    for (const { bundle } of [first, third, withheld]) await pushed(bundle)
    expect((await pushed((await made({})).bundle)).receipt.seq).toBe(4)
  })

  it('in any order of arrival ends the same', async () => {
    const chain = [await made({}), await made({}), await made({}), await made({}), await made({})]
    for (const at of [4, 1, 3, 0, 2]) await pushed(chain[at]?.bundle ?? new Uint8Array())
    const [row] = await select(device, 'SELECT head, counters FROM device')
    expect(row).toEqual({ head: 5, counters: '[[1,5]]' })
  })
})

describe('the time of payments', () => {
  beforeEach(() => registeredLongAgo())

  /** The device was there long before the payments of a test. */
  const registeredLongAgo = () =>
    inObject(device, ({ storage }) => {
      storage.sql.exec('UPDATE device SET registered_at = registered_at - ?', 30 * 24 * HOUR)
    })

  it('before the latest payment that came, less the skew, needs a person', async () => {
    await pushed((await made(ago(5 * HOUR), ago(2 * HOUR))).bundle)
    expect(await reasons(await made(ago(2 * HOUR + 31 * MINUTE), ago(2 * HOUR + 29 * MINUTE)))).toEqual([
      'time_out_of_range',
    ])
  })

  it('cannot lead back: neither a payment dated back within a bundle nor one at its end frees a day that is past', async () => {
    const days = [0, 23, 46, 69].map((hours) => ago(hours * HOUR + MINUTE))
    expect(await reasons(await made(...days))).toEqual(new Array(3).fill('time_out_of_range'))
    expect(await reasons(await made(ago(46 * HOUR)))).toEqual(['time_out_of_range'])
    expect(await reasons(await made(ago(MINUTE)))).toEqual([])
  })

  it('in steps below the skew leads no further back than the skew', async () => {
    const steps = [0, 20, 40, 60].map((minutes) => ago(minutes * MINUTE + MINUTE))
    expect(await reasons(await made(...steps))).toEqual(['time_out_of_range', 'time_out_of_range'])
  })

  it('before the device was registered, less the skew, needs a person', async () => {
    device = await registered()
    expect(await reasons(await made(ago(70 * HOUR), ago(31 * MINUTE), ago(29 * MINUTE)))).toEqual([
      'time_out_of_range',
      'time_out_of_range',
    ])
  })

  it('what was taken while a sealed bundle waited for network is believed when both come in one sync', async () => {
    const sealedEarly = await made(ago(9 * HOUR))
    const takenMeanwhile = await made(ago(8 * HOUR), ago(4 * HOUR), ago(MINUTE))
    expect(await reasons(sealedEarly)).toEqual([])
    expect(await reasons(takenMeanwhile)).toEqual([])
  })

  it('a backlog of several full bundles is believed, and a full one of voided payments buys no time', async () => {
    // More payments than a default day allows.
    await insertPolicy('TG', { max_offline_per_device_per_day: 1000 })
    device = await registered({ country: 'TG' })
    await registeredLongAgo()
    const backlog = (count: number, fromMs: number) =>
      Array.from({ length: count }, (_, i) => ({ amount: amountMinor(100 + i), ...ago(fromMs - i * MINUTE) }))
    for (const part of [backlog(100, 20 * HOUR), backlog(100, 15 * HOUR), backlog(30, 2 * HOUR)]) {
      expect((await pushed((await made(...part)).bundle)).receipt.exceptions.map(({ reason }) => reason)).not.toContain(
        'time_out_of_range',
      )
    }
    const voids = Array.from({ length: 99 }, () => ({ counter: device.counter++, voided: true }) as const)
    await pushed((await device.bundle([...voids, device.payment()], keys)).bundle)
    expect(await reasons(await made(ago(HOUR)))).toContain('time_out_of_range')
  })

  it('a bundle that fills a hole is held against the bundle before it, not against the newest', async () => {
    const [first, withheld, third] = [await made(ago(9 * HOUR)), await made(ago(6 * HOUR)), await made(ago(MINUTE))]
    await pushed(first.bundle)
    await pushed(third.bundle)
    expect(await reasons(withheld)).toEqual([])
  })

  it('in the future, beyond the skew, needs a person, and moves nothing of what comes after', async () => {
    expect(await reasons(await made(ago(-31 * MINUTE)))).toEqual(['time_out_of_range'])
    expect(await reasons(await made(ago(MINUTE)))).toEqual([])
  })

  it('far in the future fills no row: days that no payment can be judged on are not kept', async () => {
    const day = 24 * HOUR
    await pushed((await made(...Array.from({ length: 40 }, (_, i) => ago(-(i + 5) * 400 * day)))).bundle)
    await pushed((await made({})).bundle)
    const [row] = await select(device, 'SELECT activity FROM device')
    expect(JSON.parse(`${row?.['activity']}`)).toHaveLength(1)
  })
})
