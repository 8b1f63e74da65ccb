import type { Page } from 'playwright'
import { beforeAll, describe, expect, it } from 'vitest'
import { until } from '../kit/journey.ts'
import { pictureOf } from './camera.ts'
import { assertClean, type CameraPhone, look, SHOP, statuses, useShop } from './kit.ts'
import { allowedPhone } from './wallet/kit.ts'

/**
 * A customer pays a shop, both phones in airplane mode: each sees of the other nothing but what its camera sees of the other's screen.
 * Afterwards the book has the payment once.
 */
const [TILL, PHONE] = ['POS-MEETS-1', 'TEL-MEETS-1']
const AMOUNT = /25\s000\s*F\s*CFA/u
const SIGNED = 'Signé, solde non vérifié'
const shop = useShop()

describe('two phones at a counter without a network', () => {
  let [counter, hand]: CameraPhone[] = []
  let [till, wallet]: Page[] = []
  const phones = () => {
    if (!counter || !hand || !till || !wallet) throw new Error('the phones are there from beforeAll on')
    return { counter, hand, till, wallet }
  }

  beforeAll(async () => {
    ;[counter, hand] = [await shop().cameraPhone(), await shop().cameraPhone()]
    wallet = await allowedPhone(shop(), PHONE, { phone: hand })
    till = await counter.open(await shop().invite(TILL))
    await till.getByRole('button', { name: 'Continuer' }).waitFor()
    for (const page of [till, wallet]) await page.evaluate(() => navigator.serviceWorker.ready)
    for (const { context } of [counter, hand]) await context.setOffline(true)
  })

  it('the till asks, and the customer sees how much and who before anything is signed', async () => {
    const { hand, till, wallet } = phones()
    await till.keyboard.type('25000')
    await till.keyboard.press('Enter')
    await till.getByRole('img', { name: /^Code QR : demande de/ }).waitFor()
    await look(till, '80-asks')
    hand.camera.showPicture(await pictureOf(till))
    await wallet.getByRole('link', { name: 'Payer', exact: true }).click()
    await wallet.getByRole('button', { name: 'Scanner le code' }).click()
    await wallet.getByRole('heading', { name: 'Vous allez payer' }).waitFor()
    expect(await wallet.locator('.wallet-amount').textContent()).toMatch(AMOUNT)
    await wallet.getByText(SHOP).waitFor()
    await wallet.getByText(TILL).waitFor()
    expect(await textPx(wallet, '.wallet-amount .app-display')).toBeGreaterThanOrEqual(LARGE_PX)
    expect(await textPx(wallet, '.wallet-terms dd')).toBeGreaterThanOrEqual(READABLE_PX)
    await look(wallet, '80-asked')
  })

  it('the customer says yes, and the till says in words what stands behind the payment', async () => {
    const { counter, till, wallet } = phones()
    await wallet.getByRole('button', { name: /^Payer 25/ }).click()
    await wallet.getByRole('heading', { name: 'Montrez ce code à la caisse' }).waitFor()
    counter.camera.showPicture(await pictureOf(wallet))
    await till.getByRole('button', { name: 'Scanner la réponse' }).click()
    await till.getByRole('button', { name: 'Nouveau paiement' }).waitFor()
    expect(await till.locator('.app-result').textContent()).toMatch(AMOUNT)
    expect(await till.locator('.app-guarantee').textContent()).toBe(SIGNED)
    await look(till, '81-taken-signed')
  })

  it('both are closed and opened without a network, and show it still', async () => {
    const { till, wallet } = phones()
    await till.reload()
    await till.getByRole('link', { name: 'Aujourd’hui' }).click()
    await till.locator('.molam-row').getByText(SIGNED).waitFor()
    expect(await till.locator('.molam-row').textContent()).toMatch(/25\s000/u)
    expect(await statuses(till)).toEqual(['pending_offline'])
    await look(till, '82-today-signed')
    await wallet.reload()
    await shownInHistory(wallet)
    expect(await shop().settled(TILL)).toEqual([])
  })

  it('the till sends it, and it is in the book once', async () => {
    const { counter, till } = phones()
    await counter.context.setOffline(false)
    await until(async () => (await statuses(till))[0] === 'succeeded')
    expect(await statuses(till)).toEqual(['succeeded'])
    expect(await shop().settled(TILL)).toEqual([[1, 25_000, 1]])
    assertClean(till)
  })

  it('the customer’s phone has it once as well, after it was in contact', async () => {
    const { hand, wallet } = phones()
    const told = wallet.waitForResponse((response) => response.url().includes('/offline/notice') && response.ok())
    await hand.context.setOffline(false)
    await told
    await shownInHistory(wallet)
    await look(wallet, '83-history-signed')
    assertClean(wallet)
  })
})

/** As large as a person reads at arm's length, and as text is read in the hand. CSS pixels. */
const [LARGE_PX, READABLE_PX] = [36, 18]

const textPx = (page: Page, selector: string) =>
  page
    .locator(selector)
    .first()
    .evaluate((shown) => Number.parseFloat(getComputedStyle(shown).fontSize))

async function shownInHistory(wallet: Page): Promise<void> {
  await wallet.getByRole('link', { name: 'Historique' }).click()
  const lines = wallet.locator('.wallet-lines li').filter({ hasText: TILL })
  await lines.first().waitFor()
  expect(await lines.count()).toBe(1)
  expect(await lines.textContent()).toMatch(AMOUNT)
}
