import { expect, it } from 'vitest'
import type { OfflineSDK } from '../../../../src/device/sdk/index.ts'
import type { Payment } from '../../../../src/protocol/payment.ts'
import { Rig, terms } from '../rig.ts'

/** The edge has another story of a counter than this device: a copy of it told the edge first. */
const ID = 'POS-001/1'

/** Takes a payment. @returns what a copy of the device would bring of it */
async function taken(sdk: OfflineSDK): Promise<Payment> {
  const { counter, type, method, amount, currency, sender, receiver, initiatedAtMs } =
    await sdk.createOfflineTransaction(terms())
  return { counter, type, method, amount, currency, sender, receiver, initiatedAtMs }
}

it('a void of what the edge has as a payment is refused: the payment stands on the device too, and is followed', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const payment = await taken(sdk)
  await sdk.voidTransaction(1)
  expect(sdk.getTransaction(ID)?.status).toBe('voided')
  rig.edge.bring(payment)
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.contradictions).toEqual(['counter_conflict'])
  const standing = { status: 'pending', reason: 'duplicate', voidRefused: true, receipted: true }
  for (const one of [sdk, await rig.started()]) {
    expect(one.getTransaction(ID)).toMatchObject(standing)
    expect(one.getPendingTransactions()).toMatchObject([standing])
    expect(one.state.waiting).toBe(1)
    // What was taken counts towards the day, whoever brought it.
    expect(one.getLimits().count.used).toBe(1)
    await expect(one.voidTransaction(1)).rejects.toMatchObject({ code: 'already_bundled', money: 'receipted' })
  }
  rig.edge.settle(1, 'succeeded')
  await sdk.syncNow()
  expect(sdk.getTransaction(ID)).toMatchObject({ status: 'succeeded', voidRefused: true, transferId: 'transfer-1' })
  expect(sdk.getTransaction(ID)).not.toHaveProperty('reason')
})

it('a payment that the edge has as void does not look paid: it waits, and then people decide', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  rig.edge.bring({ counter: 1, voided: true })
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.contradictions).toEqual(['counter_conflict'])
  expect(sdk.getTransaction(ID)).toMatchObject({ status: 'pending', receipted: true })
  // About the copy in this bundle, and not about the payment.
  rig.edge.settle(1, 'refused', 'duplicate')
  await sdk.syncNow()
  expect(sdk.getTransaction(ID)?.status).toBe('pending')
  rig.edge.settle(1, 'review', 'duplicate')
  await sdk.syncNow()
  expect(sdk.getTransaction(ID)).toMatchObject({ status: 'review', reason: 'duplicate' })
})

it('a void that comes again, and a payment that comes again, tell the same story', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const first = await taken(sdk)
  await sdk.createOfflineTransaction(terms())
  await sdk.voidTransaction(2)
  rig.edge.bring(first, { counter: 2, voided: true })
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.contradictions).toEqual([])
  expect(sdk.getTransactions().map(({ status }) => status)).toEqual(['pending', 'voided'])
})
