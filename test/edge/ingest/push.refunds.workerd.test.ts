import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { recordQueues } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { keySet, pushed, registered } from '../kit.ts'

/** A refund is the word of the wallet that gives, and says itself what it gives back; what was paid the book knows. */
let keys: KeySet
let till: TestDevice

beforeAll(async () => {
  await recordQueues()
  keys = await keySet()
})
beforeEach(async () => {
  till = await registered()
  till.counter = 5
})

const refund = (over: Partial<Payment> = {}) => {
  const back = { sender: till.ownerWallet, receiver: 'W-CUSTOMER', amount: amountMinor(2500), refundOf: { counter: 2 } }
  return till.payment({ type: 'refund', ...back, ...over })
}
const saidOf = async (...payments: Payment[]) =>
  (await pushed((await till.bundle(payments, keys)).bundle)).receipt.exceptions
const NONE = (counter: number) => ({ counter, decision: 'refused', reason: 'refund_not_possible' })

describe('a refund', () => {
  it('of the till’s own payment and of another till’s is accepted', async () => {
    const other = (await TestDevice.create()).id
    expect(await saidOf(refund(), refund({ refundOf: { deviceId: other, counter: 7 } }))).toEqual([])
  })

  it('out of another wallet, of itself, of a later payment, or by the till’s own name is refused alone', async () => {
    const said = await saidOf(
      refund({ sender: 'W-CUSTOMER', receiver: till.ownerWallet }),
      refund({ refundOf: { counter: 6 } }),
      refund({ refundOf: { counter: 99 } }),
      refund({ refundOf: { deviceId: till.id, counter: 2 } }),
      refund(),
    )
    expect(said).toEqual([5, 6, 7, 8].map(NONE))
  })

  it('uses up what the till may move in a day', async () => {
    const many = Array.from({ length: 50 }, () => refund({ amount: amountMinor(1) }))
    await saidOf(...many)
    expect(await saidOf(refund())).toMatchObject([{ decision: 'refused', reason: 'limit_exceeded' }])
  })
})
