import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { preferredLocale } from '../../../src/web/shared/preferences.ts'
import { terms } from '../../device/sdk/rig.ts'
import { Till } from '../../ui/till.tsx'
import { openPage, PAYER } from './page.tsx'

/** Getting about between the screens of an open till, and what happens when something goes wrong in it. */
const DAY_MS = 86_400_000
const amounts = (text: string) => text.replaceAll(/\s/gu, ' ')

beforeEach(() => page.viewport(360, 640))
afterEach(() => vi.restoreAllMocks())

async function opened(payments = 1) {
  const till = await Till.open({ autoSync: false })
  for (let i = 0; i < payments; i++) await till.sdk.createOfflineTransaction(terms())
  return { till, ...(await openPage(till)) }
}

const follow = (name: string) => page.getByRole('link', { name }).click()
const receipt = async () => {
  await follow('Aujourd’hui')
  await page.getByRole('button', { name: /N° 1/ }).click()
  await expect.element(page.getByRole('heading', { name: 'Reçu' })).toBeVisible()
}

describe('a screen that was chosen', () => {
  it('starts at its top, with the banner in sight and the focus on its heading, and names the page', async () => {
    await opened(20)
    await follow('Aujourd’hui')
    await expect.element(page.getByRole('heading', { name: 'Aujourd’hui' })).toHaveFocus()
    expect(document.title).toBe('Aujourd’hui · Molam Caisse')
    scrollTo(0, 400)
    await follow('Caisse')
    await expect.element(page.getByRole('heading', { name: 'Cette caisse' })).toHaveFocus()
    expect(scrollY).toBe(0)
    expect(document.title).toBe('Cette caisse · Molam Caisse')
  })

  it('is left by "Retour" to where it was opened from, and the phone’s back button does not lead into it again', async () => {
    await opened()
    await receipt()
    await follow('Retour')
    await expect.element(page.getByRole('heading', { name: 'Aujourd’hui' })).toBeVisible()
    history.back()
    await expect.poll(() => location.hash).toBe('#/')
  })

  it('leads up also when it was opened by its address, without a step in the history', async () => {
    const { till } = await opened()
    const steps = history.length
    location.replace(`#/receipt/${till.sdk.getTransactions()[0]?.localId}`)
    history.replaceState({}, '')
    await follow('Retour')
    await expect.element(page.getByRole('heading', { name: 'Aujourd’hui' })).toBeVisible()
    expect(history.length).toBe(steps)
  })
})

it('a voided payment leaves the focus on its receipt', async () => {
  await opened()
  await receipt()
  await page.getByRole('button', { name: 'Annuler ce paiement' }).click()
  await page.getByRole('button', { name: 'Annuler vraiment' }).click()
  await expect.element(page.getByText('Annulé', { exact: true })).toBeVisible()
  await expect.element(page.getByRole('heading', { name: 'Reçu' })).toHaveFocus()
})

describe('sharing a receipt', () => {
  const share = async (error: DOMException) => {
    navigator.share = () => Promise.reject(error)
    await opened()
    await receipt()
    await page.getByRole('button', { name: 'Partager' }).click()
  }
  afterEach(() => Reflect.deleteProperty(navigator, 'share'))

  it('says so when it fails', async () => {
    await share(new DOMException('', 'NotAllowedError'))
    await expect.element(page.getByRole('alert')).toMatchTextContent('Le partage a échoué.')
  })

  it('says nothing when the person changed their mind', async () => {
    await share(new DOMException('', 'AbortError'))
    expect(page.getByRole('alert').elements()).toEqual([])
  })
})

it('a receipt says the year', async () => {
  await opened()
  await receipt()
  await expect.element(page.getByText(/22\snov\.\s2026/)).toBeVisible()
})

it('what waits is counted over all days, and each list has a name of its own', async () => {
  const { till, one } = await opened(2)
  till.rig.timeMs += DAY_MS
  await till.sdk.createOfflineTransaction(terms({ amount: 700 }))
  await follow('Aujourd’hui')
  await expect.poll(() => amounts(one('[data-total=waiting]').textContent ?? '')).toContain('× 3')
  expect(amounts(one('[data-total=waiting]').textContent ?? '')).toContain('5 700 F CFA')
  await expect.element(page.getByText('Dont 2 paiements en attente depuis un jour précédent.')).toBeVisible()
  await page.getByText('Jours précédents (2)').click()
  const lists = page.getByRole('region', { name: /^(Paiements|Jours précédents)$/ }).elements()
  expect(lists).toHaveLength(2)
})

it('a fault of the page leaves the way to open it again, and promises nothing that it has not read', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { till, settle, noPhone } = await opened(0)
  await userEvent.keyboard('250{Enter}')
  await noPhone()
  await userEvent.fill(page.getByLabelText('Compte du client'), PAYER)
  await settle()
  till.sdk.createOfflineTransaction = () => Promise.reject(new TypeError('a fault of the page'))
  await userEvent.keyboard('{Enter}')
  await expect.element(page.getByRole('alert')).toMatchTextContent('regardez sous «')
  await expect.element(page.getByRole('button', { name: 'Rouvrir la caisse' })).toBeVisible()
})

describe('before its first contact', () => {
  it('a till says what it needs, and on no screen that payments are kept', async () => {
    const till = await Till.open({ autoSync: false })
    const fresh = new Till(till.rig, till.rig.sdk({ autoSync: false }))
    till.rig.storage.items.clear()
    till.rig.edge.weather = 'offline'
    await fresh.sdk.initialize()
    const { text } = await openPage(fresh)
    await expect.element(page.getByText(/^Connectez cette caisse à Internet/)).toBeVisible()
    await follow('Aujourd’hui')
    await expect.element(page.getByText('Les paiements du jour seront ici.')).toBeVisible()
    expect(text()).not.toContain('gardés')
    till.rig.edge.weather = undefined
    await follow('Encaisser')
    await page.getByRole('button', { name: 'Réessayer' }).click()
    await expect.element(page.getByRole('button', { name: 'Continuer' })).toBeVisible()
  })
})

it('the till speaks the first language of the phone that it knows, else French', () => {
  expect(['fr-SN', 'fr'].map((tag) => preferredLocale([tag]))).toEqual(['fr', 'fr'])
  expect(preferredLocale(['en-GB', 'fr'])).toBe('en')
  expect(preferredLocale(['pt-PT', 'WO-sn', 'en'])).toBe('wo')
  expect(preferredLocale(['pt', 'ar'])).toBe('fr')
  expect(preferredLocale([])).toBe('fr')
})

it.each([
  ['unknown', 'Compte du commerce inconnu'],
  ['foreign', 'Le compte du commerce est d’un autre réseau'],
] as const)('a shop whose account is %s to the ledger reads so on every screen', async (fault, told) => {
  const till = await Till.open({ autoSync: false })
  till.rig.edge.walletFault = fault
  till.rig.timeMs += 1000
  await till.sdk.syncNow()
  await openPage(till)
  for (const screen of ['Encaisser', 'Aujourd’hui', 'Caisse']) {
    await follow(screen)
    await expect.element(page.getByRole('alert')).toMatchTextContent(told)
  }
  till.rig.edge.walletFault = undefined
  till.rig.timeMs += 1000
  await till.sdk.syncNow()
  await expect.element(page.getByRole('alert')).not.toBeInTheDocument()
})
