import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { fromBase64url, toBase64url } from '../../../src/protocol/bytes.ts'
import { until } from '../../kit/journey.ts'
import { textOn } from '../camera.ts'
import { assertClean, look, PAYER, SHOP, useShop } from '../kit.ts'
import { allowedPhone, scan } from './kit.ts'

/** Money is held for a phone, pays at a till with no network as covered, and what is left comes back: page, edge, reconciler and book. */
const TILL = 'POS-COVERED-1'
const shop = useShop()

/** What the phone shows, once it has heard from the edge as often as that takes. */
async function heard(page: Page, text: string | RegExp): Promise<void> {
  await until(async () => {
    await page.evaluate(() => dispatchEvent(new Event('online')))
    return page.getByText(text).first().isVisible()
  })
}

async function toAside(page: Page): Promise<void> {
  await page.locator('.app-nav a').first().click()
  await page.getByRole('link', { name: 'Argent garanti sans réseau' }).click()
  await page.getByRole('heading', { name: 'Payer sans réseau' }).waitFor()
}

/** What the book says of the phone's allowance. */
async function inBook(deviceId: string) {
  const { rows } = await shop().database.owner.query<Record<'state' | 'consumed' | 'held' | 'returned', string>>(
    `SELECT state, consumed_minor AS consumed, held_minor AS held, returned_minor AS returned
     FROM wallet_core.allowances WHERE device_id = $1`,
    [deviceId],
  )
  return rows.map(({ state, consumed, held, returned }) => [state, Number(consumed), Number(held), Number(returned)])
}

describe('a phone that has money set aside', () => {
  let page: Page

  it('says that a request without a network may not have arrived, and that nothing is set aside', async () => {
    page = await allowedPhone(shop(), 'TEL-ASIDE-1')
    await toAside(page)
    await look(page, '70-aside')
    await page.evaluate(() => navigator.serviceWorker.ready)
    await shop().context.setOffline(true)
    await page.getByText(/^5\s000/u).click()
    await page.getByRole('button', { name: 'Mettre de côté', exact: true }).click()
    await page.locator('[data-pressable=true]').waitFor()
    await look(page, '71-aside-sure')
    await page.getByRole('button', { name: /^Mettre 5/ }).click()
    await page.getByText('n’est peut-être pas arrivée').waitFor()
    await page.getByText('Pas de connexion au serveur.').waitFor()
    await look(page, '72-aside-unsent')
  })

  it('shows what is open, left, and until when, on the screen and on home', async () => {
    await shop().context.setOffline(false)
    await page.getByRole('button', { name: /^Renvoyer la demande/ }).click()
    await page.locator('[data-pressable=true]').waitFor()
    await page.getByRole('button', { name: /^Mettre 5/ }).click()
    await heard(page, 'sont mis de côté.')
    await page.locator('.app-nav a').first().click()
    await heard(page, /Garanti sans réseau.*reste 5\s000/u)
    await look(page, '73-home-covered')
    await toAside(page)
    await look(page, '74-aside-open')
    assertClean(page)
  })

  it('is refused to another phone of the wallet, in words', async () => {
    const other = await allowedPhone(shop(), 'TEL-ASIDE-2', { phone: await shop().phone() })
    await toAside(other)
    await other.getByRole('button', { name: 'Mettre de côté', exact: true }).click()
    await other.locator('[data-pressable=true]').waitFor()
    await other.getByRole('button', { name: /^Mettre 2/ }).click()
    await heard(other, 'Un autre téléphone du compte a déjà mis de l’argent de côté.')
    await look(other, '75-aside-refused')
    assertClean(other)
    await other.close()
  })

  it('pays a till with no network on either side: covered, and settled once', async () => {
    const till = await shop().tillSdk(TILL)
    const { request } = await till.createRequest({ type: 'merchant', amount: 1_200, currency: 'XOF', receiver: SHOP })
    await shop().context.setOffline(true)
    await scan(page, toBase64url(request))
    await page.getByRole('button', { name: /^Payer 1/ }).click()
    await page.getByRole('heading', { name: 'Montrez ce code à la caisse' }).waitFor()
    const payment = await till.acceptAuthorization(fromBase64url(await textOn(page)))
    expect(payment).toMatchObject({ amount: 1_200, sender: PAYER, guarantee: 'covered' })
    await page.getByRole('button', { name: 'Terminer' }).click()
    await page.getByText(/Garanti sans réseau.*reste 3\s800/u).waitFor()
    await look(page, '76-home-used')
    await until(async () => {
      await till.syncNow()
      return till.getTransaction(payment.localId)?.status === 'succeeded'
    })
    expect(await shop().settled(TILL)).toEqual([[1, 1_200, 1]])
    expect(await inBook('TEL-ASIDE-1')).toEqual([['open', 1_200, 3_800, 0]])
  })

  it('lets go of what is left, and says what has come back', async () => {
    await shop().context.setOffline(false)
    await toAside(page)
    await page.getByRole('button', { name: 'Faire revenir le reste' }).click()
    await page.locator('[data-pressable=true]').waitFor()
    await look(page, '77-aside-close-sure')
    await page.getByRole('button', { name: /^Faire revenir 3\s800/u }).click()
    await heard(page, /sur 5\s000.*3\s800.*sont revenus/u)
    expect(await inBook('TEL-ASIDE-1')).toEqual([['closed', 1_200, 0, 3_800]])
    await look(page, '78-aside-closed')
    await page.locator('.app-nav a').first().click()
    expect(await page.getByText('Garanti sans réseau').count()).toBe(0)
    assertClean(page)
  })
})
