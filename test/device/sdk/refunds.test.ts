import { beforeEach, describe, expect, it } from 'vitest'
import type { OfflineSDK } from '../../../src/device/sdk/index.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { isPayment } from '../../../src/protocol/payment.ts'
import { unverified } from '../../kit/authorization.ts'
import { OWNER } from './edge.ts'
import { Rig, terms } from './rig.ts'

/** A merchant gives back what was taken, as the person at the till sees it and as the edge gets it. */
let rig: Rig
let sdk: OfflineSDK
beforeEach(async () => {
  rig = await Rig.create()
  sdk = await rig.started()
})

const CUSTOMER = '+221770000001'
/** 2 500 with the customer's own signature. */
function sale() {
  const { approval: _, authorization: __, ...offered } = terms()
  const asked = { ...offered, counter: 0, method: 'wallet', initiatedAtMs: rig.timeMs } as const
  const { pass, authorization } = unverified({ ...asked, amount: amountMinor(2500), currency: currency('XOF') })
  const answer = { pass: pass as Uint8Array, authorization: authorization as Uint8Array }
  return sdk.createOfflineTransaction(terms({ authorization: answer }))
}
async function paid(): Promise<string> {
  const { localId, counter } = await sale()
  await sdk.syncNow()
  rig.edge.settle(counter, 'succeeded')
  await sdk.syncNow()
  return localId
}
const shown = (localId: string) => {
  const { status, refunded, refundable } = sdk.getTransaction(localId) ?? {}
  return { status, refunded, refundable }
}
const sent = () => rig.edge.bundles.flatMap(({ entries }) => entries)
const not = (reason: string) => ({ code: 'refused', money: 'not_taken', reason })

describe('what never left the device', () => {
  it('is voided when all of it is given back, also what its payer has not signed', async () => {
    for (const { localId } of [await sale(), await sdk.createOfflineTransaction(terms({ amount: 500 }))]) {
      expect(await sdk.refund(localId)).toMatchObject({ kind: 'voided', payment: { localId, status: 'voided' } })
      await expect(sdk.refund(localId)).rejects.toMatchObject(not('refund_not_possible'))
    }
    await sdk.syncNow()
    expect(sent().every((entry) => 'voided' in entry)).toBe(true)
  })

  it('is given back in part by a refund behind it, and then is not voided', async () => {
    const { localId, counter } = await sale()
    const { kind, payment } = await sdk.refund(localId, { amount: 1000 })
    expect({ kind, ...payment }).toMatchObject({
      ...{ kind: 'taken', type: 'refund', amount: 1000, sender: OWNER, receiver: CUSTOMER, refundOf: { counter } },
      ...{ refundOfLocalId: localId, guarantee: 'signed', refundable: 0 },
    })
    expect(shown(localId)).toEqual({ status: 'pending_offline', refunded: 1000, refundable: 1500 })
    const both = { code: 'refused', money: 'kept_on_device', reason: 'refund_above_payment' }
    await expect(sdk.voidTransaction(counter)).rejects.toMatchObject(both)
    expect((await sdk.refund(localId)).payment.amount).toBe(1500)
    await sdk.syncNow()
    expect(
      sent()
        .filter(isPayment)
        .map(({ type, amount }) => [type, amount]),
    ).toEqual([
      ['merchant', 2500],
      ['refund', 1000],
      ['refund', 1500],
    ])
  })

  it('is not given back in part while its payer has to be asked', async () => {
    const { localId } = await sdk.createOfflineTransaction(terms({ amount: 500 }))
    await expect(sdk.refund(localId, { amount: 100 })).rejects.toMatchObject(not('refund_not_possible'))
  })
})

describe('what the edge has', () => {
  it('is given back by a refund, whole or in parts, and never more', async () => {
    const localId = await paid()
    await expect(sdk.refund(localId, { amount: 2501 })).rejects.toMatchObject(not('refund_above_payment'))
    await sdk.refund(localId, { amount: 2400 })
    await expect(sdk.refund(localId, { amount: 101 })).rejects.toMatchObject(not('refund_above_payment'))
    await sdk.refund(localId)
    expect(shown(localId)).toEqual({ status: 'succeeded', refunded: 2500, refundable: 0 })
    await expect(sdk.refund(localId)).rejects.toMatchObject(not('refund_above_payment'))
  })

  it('two at once do not give back twice', async () => {
    const localId = await paid()
    const both = await Promise.allSettled([sdk.refund(localId), sdk.refund(localId)])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(shown(localId)).toMatchObject({ refunded: 2500, refundable: 0 })
  })

  it('has its room again when the refund failed or was voided, also after a restart', async () => {
    const localId = await paid()
    const failing = (await sdk.refund(localId)).payment
    await sdk.syncNow()
    rig.edge.settle(failing.counter, 'failed', 'insufficient_funds')
    await sdk.syncNow()
    expect(shown(localId)).toEqual({ status: 'succeeded', refunded: 0, refundable: 2500 })
    await sdk.voidTransaction((await sdk.refund(localId, { amount: 2000 })).payment.counter)
    const again = (await sdk.refund(localId, { amount: 700 })).payment
    sdk = await rig.started()
    expect(shown(localId)).toMatchObject({ refunded: 700, refundable: 1800 })
    expect(sdk.getTransaction(again.localId)).toMatchObject({ type: 'refund', refundOfLocalId: localId })
  })

  it.each(['review', 'claimed', 'failed', 'reversed'] as const)('is not given back while it is %s', async (status) => {
    const { localId, counter } = await sale()
    await sdk.syncNow()
    if (status === 'reversed') rig.edge.settle(counter, 'succeeded')
    rig.edge.settle(counter, status, 'x')
    await sdk.syncNow()
    expect(shown(localId)).toEqual({ status, refunded: 0, refundable: 0 })
    await expect(sdk.refund(localId)).rejects.toMatchObject(not('refund_not_possible'))
  })

  it('tells of the payment too when it was given back', async () => {
    const localId = await paid()
    const told: [string, number][] = []
    sdk.on('payment', (payment) => told.push([payment.localId, payment.refundable]))
    const { payment } = await sdk.refund(localId, { amount: 500 })
    expect(told).toEqual([
      [payment.localId, 0],
      [localId, 2000],
    ])
  })
})

describe('what is not this shop’s to give back', () => {
  it('a payment that went to somebody else, a refund, and what there is not', async () => {
    const out = await sdk.createOfflineTransaction(terms({ type: 'p2p', sender: OWNER, receiver: 'W-B' }))
    await expect(sdk.refund(out.localId)).rejects.toMatchObject(not('refund_not_possible'))
    const { payment } = await sdk.refund(await paid(), { amount: 100 })
    await expect(sdk.refund(payment.localId)).rejects.toMatchObject(not('refund_not_possible'))
    await expect(sdk.refund('POS-001/77')).rejects.toMatchObject({ code: 'no_such_payment' })
    await expect(sdk.refund('nonsense')).rejects.toMatchObject({ code: 'no_such_payment' })
  })

  it('without consent: the device only receives', async () => {
    const localId = await paid()
    rig.edge.paysUntilMs = undefined
    await sdk.syncNow()
    await expect(sdk.refund(localId)).rejects.toMatchObject(not('payer_not_proven'))
    expect(shown(localId)).toMatchObject({ refunded: 0 })
  })

  it.each([0, -1, 1.5, Number.NaN])('an amount of %s', async (amount) => {
    await expect(sdk.refund(await paid(), { amount })).rejects.toMatchObject({ code: 'invalid_payment' })
  })
})

it('another till’s payment is given back to the payer that is named, for the book to judge', async () => {
  await expect(sdk.refund('POS-2/7', { amount: 900 })).rejects.toMatchObject({ code: 'invalid_payment' })
  await expect(sdk.refund('POS-2/7', { payer: CUSTOMER })).rejects.toMatchObject({ code: 'invalid_payment' })
  const { payment } = await sdk.refund('POS-2/7', { amount: 900, payer: CUSTOMER })
  expect(payment).toMatchObject({
    refundOf: { deviceId: 'POS-2', counter: 7 },
    refundOfLocalId: 'POS-2/7',
    amount: 900,
  })
  await sdk.syncNow()
  expect(sent().filter(isPayment)).toMatchObject([{ type: 'refund', refundOf: { deviceId: 'POS-2', counter: 7 } }])
})
