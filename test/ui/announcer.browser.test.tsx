import { expect, it } from 'vitest'
import { terms } from '../device/sdk/rig.ts'
import { Till } from './till.tsx'

const told = (container: Element) => container.querySelector('[role=status]')?.textContent

it('what a sync brings is announced once, in one sentence a kind', async () => {
  const till = await Till.open()
  for (let i = 0; i < 12; i++) await till.sdk.createOfflineTransaction(terms())
  const { container } = await till.show(null)
  await till.sdk.syncNow()
  for (let counter = 1; counter <= 10; counter++) till.decide(counter, 'succeeded')
  till.decide(11, 'failed', 'insufficient_funds')
  await till.sdk.syncNow()
  expect(told(container)).toBe('')
  expect(till.timers.pending.size).toBe(1)
  till.timers.fire()
  await expect
    .poll(() => told(container))
    .toBe('1 paiement échoué. 10 paiements réglés. 1 paiement reçu par le serveur, règlement en cours.')
  expect(till.timers.pending.size).toBe(0)
})

it('the same sentence twice is two announcements', async () => {
  const till = await Till.open()
  const { container } = await till.show(null)
  await till.sdk.createOfflineTransaction(terms())
  till.timers.fire()
  await expect.poll(() => told(container)).toBe('1 paiement en attente d’envoi.')
  const first = container.querySelector('[role=status] > span')
  await till.sdk.createOfflineTransaction(terms())
  till.timers.fire()
  await expect.poll(() => container.querySelector('[role=status] > span') === first).toBe(false)
  expect(told(container)).toBe('1 paiement en attente d’envoi.')
})

it('losing and finding the network is announced', async () => {
  const till = await Till.open()
  const { container } = await till.show(null)
  till.rig.edge.weather = 'offline'
  await till.sdk.syncNow()
  till.timers.fire()
  await expect.poll(() => told(container)).toContain('Hors ligne')
  till.rig.edge.weather = undefined
  await till.sdk.syncNow()
  till.timers.fire()
  await expect.poll(() => told(container)).toBe('En ligne.')
})

it('a page that is gone leaves no timer and no listener behind', async () => {
  const till = await Till.open()
  const listening = new Set<unknown>()
  const on = till.sdk.on.bind(till.sdk)
  till.sdk.on = (event, listener) => {
    const remove = on(event, listener)
    listening.add(remove)
    return () => {
      listening.delete(remove)
      remove()
    }
  }
  const { unmount } = await till.show(null)
  await till.sdk.createOfflineTransaction(terms())
  expect(listening.size).toBeGreaterThan(0)
  expect(till.timers.pending.size).toBe(1)
  await unmount()
  expect(listening.size).toBe(0)
  expect(till.timers.pending.size).toBe(0)
})
