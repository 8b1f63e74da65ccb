import type { Page } from 'playwright'
import { until } from '../../kit/journey.ts'
import { PAYER, type Phone, type Shop } from '../kit.ts'

interface Allowed {
  readonly wallet?: string
  readonly phone?: Phone
  readonly host?: string | undefined
}

/** A phone that may pay, by the code that came to its holder. */
export async function allowedPhone(
  shop: Shop,
  deviceId: string,
  { wallet = PAYER, phone = shop, host = '127.0.0.1' }: Allowed = {},
): Promise<Page> {
  // With the shop come the wallets of those who pay.
  await shop.invite('POS-ASKS-1')
  const page = await phone.open((await shop.invitePhone(deviceId, wallet)).replace('127.0.0.1', host))
  await page.getByRole('link', { name: 'Autoriser ce téléphone à payer' }).click()
  await page.getByRole('button', { name: 'Recevoir le code' }).click()
  await page.getByLabel('Code reçu').waitFor()
  await until(async () => shop.codeFor(deviceId) !== undefined)
  await page.getByLabel('Code reçu').fill(shop.codeFor(deviceId) ?? '')
  await page.getByRole('button', { name: 'Valider' }).click()
  await page.getByRole('link', { name: 'Continuer' }).click()
  await page.getByText('Paie sans réseau').waitFor()
  return page
}

/** As a scanner at the counter types it: this phone has no camera. */
export async function scan(page: Page, text: string): Promise<void> {
  await page.locator('.app-nav a').first().click()
  await page.getByRole('link', { name: 'Payer', exact: true }).click()
  await page.getByRole('button', { name: 'Scanner le code' }).click()
  const byHand = page.getByLabel('Texte du code')
  await byHand.fill(text)
  await byHand.press('Enter')
}
