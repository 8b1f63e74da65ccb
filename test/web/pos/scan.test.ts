import type { Page, Route } from 'playwright'
import { encodeQR } from 'qr'
import { describe, it } from 'vitest'
import { generateOfflineQR, qrModules } from '../../../src/device/qr/index.ts'
import { SINGLE_BYTES_MAX } from '../../../src/device/qr/limits.ts'
import { assertClean, look, useShop } from '../kit.ts'

const shop = useShop()
const symbol = (text: string) => encodeQR(text, 'raw', { ecc: 'medium', border: 4 })

it('the densest symbol that is shown is read by an ordinary camera, also when it fills little more than half the frame', async () => {
  const { camera, open } = await shop().cameraPhone()
  const page = await open(await shop().invite('POS-SCAN-3'))
  await carry(page)
  const dense = generateOfflineQR(Uint8Array.from({ length: SINGLE_BYTES_MAX }, (_, at) => at * 7))
  camera.show(dense.parts.map(qrModules), 0.6)
  await page.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
  await page.getByText('Ce code ne contient pas de paiements.').waitFor()
  assertClean(page)
})

it('a camera that nobody allows is explained, and a scanner that types is understood, whatever it reads', async () => {
  const { open } = await shop().cameraPhone('denied')
  const page = await open(await shop().invite('POS-SCAN-2'))
  await carry(page)
  await page.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
  await page.getByText('La caméra n’est pas autorisée.').waitFor()
  const text = page.getByLabel('Texte du code')
  const said = [
    ['https://molam.example', 'C’est un lien ou un code Wi-Fi, pas un compte.'],
    ['WIFI:T:WPA;P:secret;;', 'C’est un lien ou un code Wi-Fi, pas un compte.'],
    ['+229 97 00 00 01', 'C’est un ancien numéro à 8 chiffres.'],
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

describe('where the worker that reads codes does not work, the page reads them itself', () => {
  const SCRIPT = '**/assets/decode.worker-*.js'
  it.each([
    ['its file is gone, after a new version was put in place', (route: Route) => route.fulfill({ status: 404 })],
    [
      'the browser has no OffscreenCanvas',
      async (route: Route) => {
        const response = await route.fetch()
        await route.fulfill({ response, body: `delete self.OffscreenCanvas;${await response.text()}` })
      },
    ],
    ['it never answers', (route: Route) => route.fulfill({ contentType: 'text/javascript', body: '' })],
  ] as const)('%s', async (_, serve) => {
    const { camera, context, open } = await shop().cameraPhone()
    await context.route(SCRIPT, serve)
    const page = await open(await shop().invite(`POS-SCAN-W${workers++}`))
    await page.getByRole('button', { name: 'Continuer' }).waitFor()
    await page.keyboard.type('500')
    await page.keyboard.press('Enter')
    await page.locator('.pos-ask[data-pressable=true]').waitFor()
    await page.getByRole('button', { name: 'Sans téléphone' }).click()
    camera.show([symbol('tel:+221-77-000-00-01')])
    await page.getByRole('button', { name: 'Scanner' }).click()
    await page.locator('.app-scanner').waitFor({ state: 'detached' })
    await page.getByText('Numéro : +221 77 000 00 01').waitFor()
  })
  let workers = 1
})

it('a camera that never answers, and a browser that reads no pictures, say so and leave the way by hand', async () => {
  const { context, open } = await shop().phone()
  await context.addInitScript(() => {
    MediaDevices.prototype.getUserMedia = () => new Promise(() => undefined)
  })
  const page = await open(await shop().invite('POS-SCAN-4'))
  await carry(page)
  await page.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
  await page.getByText('La caméra ne répond pas encore.').waitFor()
  await page.getByLabel('Texte du code').waitFor()
  await look(page, '64-camera-silent')
  await page.evaluate(() => {
    Reflect.deleteProperty(globalThis, 'createImageBitmap')
  })
  await page.getByLabel('Prendre ou choisir une photo du code').setInputFiles({
    name: 'code.png',
    mimeType: 'image/png',
    buffer: Buffer.from([0]),
  })
  await page.getByText('Ce navigateur ne sait pas lire les photos.').waitFor()
})

async function carry(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Aujourd’hui' }).click()
  await page.getByRole('link', { name: 'Porter pour une autre caisse' }).click()
}
