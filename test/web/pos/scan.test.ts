import type { Page } from 'playwright'
import { encodeQR } from 'qr'
import { expect, it } from 'vitest'
import { generateOfflineQR, qrModules } from '../../../src/device/qr/index.ts'
import { SINGLE_BYTES_MAX } from '../../../src/device/qr/limits.ts'
import { assertClean, look, PAYER, useShop } from './kit.ts'

const shop = useShop()
const symbol = (text: string) => encodeQR(text, 'raw', { ecc: 'medium', border: 4 })

it('the customer’s account and signed consent are scanned with the camera, each in its own field', async () => {
  const { camera, open } = await shop().phone()
  const page = await open(await shop().invite('POS-SCAN-1'))
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  await page.keyboard.type('20000')
  await page.keyboard.press('Enter')

  const scan = page.getByRole('button', { name: 'Scanner' })
  camera.show([symbol(PAYER)])
  await scan.first().click()
  await page.locator('.pos-scanner').waitFor({ state: 'detached' })
  expect(await page.getByLabel('Compte du client').inputValue()).toBe(PAYER)

  await scan.nth(1).click()
  await page.getByText('C’est un compte ou une référence, pas le code attendu.').waitFor()
  await look(page, '38-scan-consent')
  await page.getByRole('button', { name: 'Fermer' }).click()

  camera.show([symbol(await shop().consent(20_000))])
  await scan.nth(1).click()
  await page.locator('.pos-scanner').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Encaisser' }).click()
  await page.getByRole('button', { name: 'Nouveau paiement' }).waitFor()
  assertClean(page)
})

it('the densest symbol that is shown is read by an ordinary camera, also when it fills little more than half the frame', async () => {
  const { camera, open } = await shop().phone()
  const page = await open(await shop().invite('POS-SCAN-3'))
  await carry(page)
  const dense = generateOfflineQR(Uint8Array.from({ length: SINGLE_BYTES_MAX }, (_, at) => at * 7))
  camera.show(dense.parts.map(qrModules), 0.6)
  await page.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
  await page.getByText('Ce code ne contient pas de paiements.').waitFor()
  assertClean(page)
})

it('a camera that nobody allows is explained, and a scanner that types is understood, whatever it reads', async () => {
  const { open } = await shop().phone({ camera: 'denied' })
  const page = await open(await shop().invite('POS-SCAN-2'))
  await carry(page)
  await page.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
  await page.getByText('La caméra n’est pas autorisée.').waitFor()
  const text = page.getByLabel('Texte du code')
  const said = [
    ['https://molam.example', 'C’est une adresse web.'],
    ['MOLAM9:B1/1:00', 'Ce code vient d’une version plus récente'],
    ['MOLAM1:B1/1:00', 'Mal lu.'],
    ['deux mots', 'Ce code n’est pas de Molam.'],
  ] as const
  for (const [typed, answer] of said) {
    await text.fill(typed)
    await text.press('Enter')
    await page.getByText(answer).waitFor()
  }
  await look(page, '39-denied')
  // Bytes that are no bundle, in symbols that are whole.
  for (const part of generateOfflineQR(new Uint8Array(900)).parts) {
    await text.fill(part)
    await text.press('Enter')
  }
  await page.getByText('Ce code ne contient pas de paiements.').waitFor()
  assertClean(page)
})

async function carry(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Aujourd’hui' }).click()
  await page.getByRole('link', { name: 'Porter pour une autre caisse' }).click()
}
