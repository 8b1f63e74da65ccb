import { expect, it } from 'vitest'
import { page } from 'vitest/browser'
import type { Fetch, OfflineSDK } from '../../src/device/sdk/index.ts'
import { nobleAtRest } from '../../src/device/sdk/noble.ts'
import {
  OfflinePaymentButton,
  OfflineStatusBanner,
  OfflineSyncProgress,
  OfflineTransactionList,
  useUnsyncedGuard,
} from '../../src/ui/index.ts'
import { random } from '../device/sdk/edge.ts'
import { Rig, terms } from '../device/sdk/rig.ts'
import { Till } from './till.tsx'

it('offline, the banner says that payments are kept, how many are nowhere else, and by when to connect', async () => {
  const till = await Till.open()
  till.rig.edge.weather = 'offline'
  await till.sdk.syncNow()
  await till.sdk.createOfflineTransaction(terms())
  await till.show(<OfflineStatusBanner />)
  const banner = page.getByRole('region', { name: 'État de l’appareil' })
  await expect.element(banner).toMatchTextContent('Hors ligne paiements gardés')
  await expect.element(banner).toMatchTextContent('1 paiement n’est que sur cet appareil : n’effacez pas ses données.')
  await expect.element(banner).toMatchTextContent('Connectez l’appareil avant le 25 nov.')
})

it('online or not, the banner says a day before by when to connect, and when nothing is taken any more', async () => {
  const till = await Till.open()
  await till.sdk.syncNow()
  const { text } = await till.show(<OfflineStatusBanner />)
  expect(text()).not.toContain('Connectez l’appareil')
  const { syncBeforeMs } = till.sdk.getLimits()
  till.rig.timeMs = syncBeforeMs - 1000
  await till.sdk.createOfflineTransaction(terms())
  await expect.poll(text).toMatch(/Connectez l’appareil avant\sle\s26\snov\./)
  till.rig.timeMs = syncBeforeMs + 1
  till.rig.edge.weather = 'offline'
  await till.sdk.syncNow()
  await expect.poll(text).toContain('Plus aucun paiement n’est pris')
  expect(text()).not.toMatch(/avant\sle/)
})

it('online, what the server has received still waits', async () => {
  const till = await Till.open()
  await till.sdk.createOfflineTransaction(terms())
  await till.sdk.syncNow()
  const { text } = await till.show(<OfflineStatusBanner />)
  expect(text()).toContain('En ligne')
  expect(text()).toContain('1 paiement attend son règlement.')
  till.decide(1, 'succeeded')
  await till.sdk.syncNow()
  await expect.poll(text).not.toContain('attend son règlement')
})

it('a blocked device is an alert that says what to do, and takes no payment', async () => {
  const till = await Till.open()
  const { container } = await till.show(
    <>
      <OfflineStatusBanner />
      <OfflinePaymentButton terms={terms()} />
    </>,
  )
  await till.sdk.createOfflineTransaction(terms())
  till.rig.edge.status = 'suspended'
  await till.sdk.syncNow()
  const alert = page.getByRole('alert').first()
  await expect.element(page.getByRole('region')).toMatchTextContent('Appareil bloqué')
  await expect.element(alert).toMatchTextContent('Rien n’est perdu : les paiements sont gardés sur cet appareil.')
  await expect.element(alert).toMatchTextContent('Appelez l’assistance.')
  await expect.element(alert).toMatchTextContent('device_suspended')
  await page.getByRole('button', { name: /Encaisser/ }).click()
  await expect.poll(() => container.querySelectorAll('[role=alert]').length).toBe(2)
  expect(till.sdk.getTransactions()).toHaveLength(1)
})

function Guard() {
  const guard = useUnsyncedGuard()
  return guard.status === 'safe' ? 'logout' : `${guard.status}: ${guard.message}`
}

it('the guard holds for as long as a payment is nowhere else', async () => {
  const Logout = () => (
    <button type="button">
      <Guard />
    </button>
  )
  const till = await Till.open()
  await till.show(<Logout />)
  await expect.element(page.getByRole('button')).toMatchTextContent('logout')
  till.rig.edge.weather = 'lost'
  await till.sdk.createOfflineTransaction(terms())
  await till.sdk.syncNow()
  await expect.element(page.getByRole('button')).toMatchTextContent('1 paiement n’est que sur cet appareil')
  till.rig.edge.weather = undefined
  await till.sdk.syncNow()
  await expect.element(page.getByRole('button')).toMatchTextContent('logout')
})

it('no storage may be cleared whose payments were not read, or cannot be, and no component says that there are none', async () => {
  const rig = await Rig.create({ atRest: nobleAtRest(random(32), random) })
  await (await rig.started()).createOfflineTransaction(terms())
  const unread: [string, () => Promise<OfflineSDK>][] = [
    ['created', async () => rig.sdk()],
    ['store_locked', () => rig.started({ atRest: nobleAtRest(random(32), random) })],
    ['state_lost', () => stateless(rig)],
  ]
  for (const [name, open] of unread) {
    const { text, unmount } = await new Till(rig, await open()).show(
      <>
        <Guard />
        <OfflineSyncProgress />
        <OfflineTransactionList payments={[]} />
      </>,
    )
    expect(text(), name).toContain('unknown')
    expect(text(), name).not.toContain('Tout est envoyé')
    expect(text(), name).not.toContain('Pas encore de paiement')
    await unmount()
  }
})

/** A device whose payments are on disk, and whose own state is not. */
async function stateless(rig: Rig) {
  rig.edge.weather = 'offline'
  for (const slot of ['state/0', 'state/1']) rig.storage.items.delete(`molam/POS-001/${slot}`)
  return rig.started()
}

it('the sync is started by its button; without a network nothing is lost, and nothing alarms', async () => {
  const till = await Till.open()
  await till.sdk.createOfflineTransaction(terms())
  const { container, text } = await till.show(<OfflineSyncProgress />)
  expect(text()).toContain('1 paiement à envoyer')
  till.rig.edge.weather = 'offline'
  await page.getByRole('button', { name: 'Synchroniser' }).click()
  await expect.poll(text).toContain('Pas de connexion au serveur. 1 paiement à envoyer')
  expect(container.querySelector('[role=alert]')).toBeNull()
  till.rig.edge.weather = undefined
  await page.getByRole('button', { name: 'Synchroniser' }).click()
  await expect.poll(text).toContain('Tout est envoyé.')
  expect(text()).not.toMatch(/[^n]payé/i)
})

it('while payments are being sent the bar says how many', async () => {
  const till = await Till.open()
  for (let i = 0; i < 150; i++) await till.sdk.createOfflineTransaction(terms({ amount: 100 }))
  const { edge } = till.rig
  const held = Promise.withResolvers<void>()
  let pushes = 0
  const slow: Fetch = async (url, request) => {
    if (url.endsWith('/offline/push') && ++pushes === 2) await held.promise
    return edge.fetch(url, request)
  }
  const sdk = await till.rig.started({ fetch: slow })
  const { text, container } = await new Till(till.rig, sdk).show(<OfflineSyncProgress />)
  const run = sdk.syncNow()
  await expect.poll(text).toContain('100 sur 150 envoyés')
  expect(container.querySelector('progress')?.value).toBe(100)
  held.resolve()
  await run
  await expect.poll(text).toContain('Tout est envoyé.')
  expect(container.querySelector('progress')).toBeNull()
})
