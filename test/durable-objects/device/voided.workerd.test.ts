import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import type { PaymentEntry } from '../../../src/protocol/payment.ts'
import { keySet, pushed, registered } from '../../edge/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { accepted, alarm, describeDevice, lostQueues, select, stubOf } from './kit.ts'

/** A void carries no money and says something all the same: about a counter a device tells one story. */
let keys: KeySet
let device: TestDevice

beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  const queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

const voided = (counter: number): PaymentEntry => ({ counter, voided: true })
const send = async (...entries: PaymentEntry[]) => (await pushed((await device.bundle(entries, keys)).bundle)).receipt
const REFUSED = { decision: 'refused', reason: 'duplicate' }
const evidence = async () =>
  accepted(await stubOf(device).evidence()).evidence.map(({ kind, seq, againstSeq }) => [kind, seq, againstSeq])
const audit = async () =>
  (await select<{ action: string }>(device, 'SELECT action FROM audit ORDER BY id')).map(({ action }) => action)
const payments = async (seq: number) =>
  (await select<{ payments: string }>(device, 'SELECT payments FROM bundles WHERE seq = ?', seq))[0]?.payments

describe('of a counter that was admitted', () => {
  it('as a payment, a void is refused in the receipt, kept as evidence, recorded and escalated', async () => {
    await send(device.payment({ counter: 1 }))
    const receipt = await send(voided(1), device.payment({ counter: 2 }))
    expect(receipt.exceptions).toEqual([{ counter: 1, ...REFUSED }])
    expect(await evidence()).toEqual([['counter_conflict', 2, 1]])
    expect(await audit()).toEqual(expect.arrayContaining(['counter_conflict', 'escalation_raised']))
    expect((await describeDevice(device)).reputation).toBeLessThan(0.5)
    expect(await payments(1)).toBe('[[1,1,"pending"]]')
    expect(await payments(2)).toBe('[[1,1,"refused","duplicate"],[2,2,"pending"]]')
  })

  it('as a void, a payment is refused, and all of that too', async () => {
    await send(voided(1))
    const receipt = await send(device.payment({ counter: 1 }), device.payment({ counter: 2 }))
    expect(receipt.exceptions).toEqual([{ counter: 1, ...REFUSED }])
    expect(await evidence()).toEqual([['counter_conflict', 2, 1]])
  })

  it('a bundle of nothing but such a void is rejected, and not accepted for having no payments', async () => {
    await send(device.payment({ counter: 1 }))
    expect(await send(voided(1))).toMatchObject({ status: 'rejected', exceptions: [{ counter: 1 }] })
  })

  it('copies of the same kind are no conflict: a payment is a duplicate, a void nothing', async () => {
    const payment = device.payment({ counter: 1 })
    await send(payment, voided(2))
    const receipt = await send(payment, voided(2))
    expect(receipt.exceptions).toEqual([{ counter: 1, ...REFUSED }])
    expect(await evidence()).toEqual([])
    expect(await audit()).not.toContain('counter_conflict')
  })

  it('a refused copy changes nothing of what came first: the same kind again is no conflict, the other one is', async () => {
    await send(device.payment({ counter: 1 }), voided(2))
    await send(voided(1), device.payment({ counter: 2 }))
    await send(device.payment({ counter: 1 }), voided(2))
    expect(await evidence()).toEqual([['counter_conflict', 2, 1]])
    await send(voided(1))
    expect(await evidence()).toEqual([
      ['counter_conflict', 2, 1],
      ['counter_conflict', 4, 1],
    ])
  })

  it('the bundle that contradicts is settled like any other, and one sent again is one piece of evidence', async () => {
    await send(device.payment({ counter: 1 }))
    const made = await device.bundle([voided(1)], keys)
    for (let i = 0; i < 3; i++) await pushed(made.bundle)
    expect(await evidence()).toHaveLength(1)
    expect((await audit()).filter((action) => action === 'counter_conflict')).toHaveLength(1)
    expect(await alarm(device)).toBe(true)
    expect((await describeDevice(device)).owed.settle).toBe(3)
  })
})
