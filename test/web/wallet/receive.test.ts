import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { until } from '../../kit/journey.ts'
import { textOn } from '../camera.ts'
import { assertClean, look, PAYER, PAYERS, type Phone, useShop } from '../kit.ts'
import { allowedPhone, scan } from './kit.ts'

/** One phone is asked by another, both in airplane mode, and the book has the payment once in the end. */
const [ASKS, PAYS] = ['TEL-ASKS-1', 'TEL-PAYS-9']
const shop = useShop()

/** As a scanner types it: these phones have no camera. */
async function typed(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: 'Scanner sa réponse' }).click()
  const byHand = page.getByLabel('Texte du code')
  await byHand.fill(text)
  await byHand.press('Enter')
}

async function askFor(page: Page, amount: number): Promise<void> {
  await page.locator('.app-nav a').first().click()
  await page.getByRole('link', { name: 'Recevoir' }).click()
  await page.getByRole('button', { name: 'Demander un montant' }).click()
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  await page.keyboard.type(String(amount))
  await page.keyboard.press('Enter')
}

async function answered(page: Page, request: string): Promise<string> {
  await scan(page, request)
  await page.getByRole('button', { name: /^Payer / }).click()
  await page.getByRole('heading', { name: 'Montrez ce code à l’autre téléphone' }).waitFor()
  return textOn(page)
}

describe('two phones', () => {
  let asks: Page
  let pays: Page
  let other: Phone
  let used: string

  it('pay one another with no network on either side: signed, and settled once', async () => {
    other = await shop().phone()
    pays = await allowedPhone(shop(), PAYS)
    asks = await allowedPhone(shop(), ASKS, { wallet: PAYERS[1] as string, phone: other })
    for (const page of [pays, asks]) await page.evaluate(() => navigator.serviceWorker.ready)
    for (const { context } of [shop(), other]) await context.setOffline(true)
    await askFor(asks, 1_700)
    await asks.getByRole('heading', { name: 'L’autre téléphone scanne ce code' }).waitFor()
    await look(asks, '80-request')
    used = await answered(pays, await textOn(asks))
    await look(pays, '81-answer-to-phone')
    await typed(asks, used)
    await asks.getByText('Signé, solde non vérifié').waitFor()
    await look(asks, '82-received')
    await other.context.setOffline(false)
    await until(async () => {
      await asks.evaluate(() => dispatchEvent(new Event('online')))
      return asks.locator('.app-result[data-status=succeeded]').isVisible()
    })
    await look(asks, '83-received-settled')
    expect(await shop().settled(ASKS)).toEqual([[1, 1_700, 1]])
  })

  it('take nothing by an answer that is to another request, or to none, and say so', async () => {
    await asks.getByRole('button', { name: 'Terminer' }).click()
    await askFor(asks, 900)
    await typed(asks, used)
    await asks.getByText('Ce code répond à une autre demande').waitFor()
    await look(asks, '84-other-request')
    const till = await shop().tillSdk('POS-ASKS-9')
    const { request } = await till.createRequest({ type: 'p2p', amount: 900, currency: 'XOF', receiver: PAYER })
    await typed(asks, toBase64url(request))
    await asks.getByText('C’est la demande d’une caisse').waitFor()
    await asks.getByRole('button', { name: 'Fermer' }).click()
    expect(await shop().settled(ASKS)).toEqual([[1, 1_700, 1]])
    assertClean(asks)
  })

  it('are told guaranteed where the payer has money aside', async () => {
    await shop().context.setOffline(false)
    await pays.locator('.app-nav a').first().click()
    await pays.getByRole('link', { name: 'Argent garanti sans réseau' }).click()
    await pays.getByRole('button', { name: 'Mettre de côté', exact: true }).click()
    await pays.locator('[data-pressable=true]').waitFor()
    await pays.getByRole('button', { name: /^Mettre 2/ }).click()
    await pays.locator('.app-nav a').first().click()
    await until(async () => {
      await pays.evaluate(() => dispatchEvent(new Event('online')))
      return pays.getByText(/Garanti sans réseau.*reste 2\s000/u).isVisible()
    })
    for (const { context } of [shop(), other]) await context.setOffline(true)
    await askFor(asks, 800)
    await asks.getByRole('heading', { name: 'L’autre téléphone scanne ce code' }).waitFor()
    await typed(asks, await answered(pays, await textOn(asks)))
    await asks.locator('.app-guarantee[data-guarantee=covered]').getByText('Garanti', { exact: true }).waitFor()
    await look(asks, '85-received-covered')
    await other.context.setOffline(false)
    await until(async () => {
      await asks.evaluate(() => dispatchEvent(new Event('online')))
      return asks.locator('.app-result[data-status=succeeded]').isVisible()
    })
    expect(await shop().settled(ASKS)).toEqual([
      [1, 1_700, 1],
      [2, 800, 1],
    ])
    assertClean(asks)
    assertClean(pays)
  })

  it('ask for nothing that an agent would have to approve', async () => {
    await asks.getByRole('button', { name: 'Terminer' }).click()
    await askFor(asks, 60_000)
    await asks.getByText('L’accord d’un agent est nécessaire').waitFor()
    await look(asks, '86-too-much')
  })
})
