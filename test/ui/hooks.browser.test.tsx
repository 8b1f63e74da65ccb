import { StrictMode } from 'react'
import { expect, it } from 'vitest'
import { renderHook } from 'vitest-browser-react'
import { useLimits, useOffline, usePayment, usePayments, useSync, useTakePayment } from '../../src/ui/index.ts'
import { terms } from '../device/sdk/rig.ts'
import { Till } from './till.tsx'

const hook = <T,>(till: Till, use: () => T) =>
  renderHook(use, { wrapper: ({ children }) => <StrictMode>{till.page(children)}</StrictMode> })

it('a payment that did not change stays the same object while others come and change', async () => {
  const till = await Till.open()
  await till.sdk.createOfflineTransaction(terms())
  await till.sdk.createOfflineTransaction(terms())
  await till.sdk.syncNow()
  const { result } = await hook(till, usePayments)
  const [first, second] = result.current
  till.decide(1, 'succeeded')
  await till.sdk.syncNow()
  await expect.poll(() => result.current[0]?.status).toBe('succeeded')
  expect(result.current[0]).not.toBe(first)
  expect(result.current[1]).toBe(second)
})

it('a component renders again only when its own part of the device changes', async () => {
  const till = await Till.open()
  let renders = 0
  const { result } = await hook(till, () => {
    renders++
    return usePayment('POS-001/1')
  })
  await till.sdk.createOfflineTransaction(terms())
  await expect.poll(() => result.current?.status).toBe('pending_offline')
  const after = renders
  for (let i = 0; i < 5; i++) await till.sdk.createOfflineTransaction(terms())
  await till.sdk.createOfflineTransaction(terms()).then(() => Promise.resolve())
  expect(renders).toBe(after)
})

it('parts of one render are of one moment: what the state counts is what the list holds', async () => {
  const till = await Till.open()
  const torn: string[] = []
  const { result } = await hook(till, () => {
    const [{ unsynced }, payments, allowance] = [useOffline(), usePayments(), useLimits()]
    const waiting = payments.filter(({ receipted }) => !receipted).length
    if (unsynced !== waiting || allowance?.count.used !== payments.length) torn.push(`${unsynced} ${payments.length}`)
    return payments.length
  })
  for (let i = 0; i < 5; i++) {
    await till.sdk.createOfflineTransaction(terms())
    if (i % 2) await till.sdk.syncNow()
  }
  await expect.poll(() => result.current).toBe(5)
  expect(torn).toEqual([])
})

it('another device takes the place of the first at once', async () => {
  const [one, two] = [await Till.open(), await Till.open()]
  await one.sdk.createOfflineTransaction(terms())
  let till = one
  const { result, rerender } = await renderHook(usePayments, { wrapper: ({ children }) => till.page(children) })
  expect(result.current).toHaveLength(1)
  till = two
  await rerender()
  expect(result.current).toHaveLength(0)
  await two.sdk.createOfflineTransaction(terms())
  await two.sdk.createOfflineTransaction(terms())
  await expect.poll(() => result.current).toHaveLength(2)
})

it('a payment that stands is never taken again by a second tap, whatever else is told of it', async () => {
  const till = await Till.open()
  const { result } = await hook(till, useTakePayment)
  const taken = await result.current.take(terms())
  expect(taken?.localId).toBe('POS-001/1')
  expect(await result.current.take(terms())).toBeUndefined()
  await expect.poll(() => result.current.state.status).toBe('taken')
  expect(result.current.state).toMatchObject({ how: 'offline', payment: { localId: 'POS-001/1' } })
  expect(till.sdk.getTransactions()).toHaveLength(1)
})

it('a sync that cannot be run at all is a state, not an unhandled rejection', async () => {
  const till = await Till.open()
  const { result } = await hook(till, useSync)
  await till.sdk.destroy()
  await result.current.syncNow()
  await expect.poll(() => result.current.run).toMatchObject({ status: 'failed', error: { code: 'destroyed' } })
})
