import type { Page } from 'playwright'
import { beforeAll, describe, expect, it } from 'vitest'
import { generateOfflineQR, qrModules } from '../../../src/device/qr/index.ts'
import { until } from '../../kit/journey.ts'
import { photosOf, receiptIn, symbolsOn } from '../camera.ts'
import { assertClean, type CameraPhone, look, type Phone, statuses, take, useShop } from '../kit.ts'

/**
 * A till without a network, and others with cameras that carry its payments to the edge and the receipt back: two phones
 * that see nothing of each other but QR codes, and a third one that has no camera.
 */
const [FAR, NEAR, BLIND] = ['POS-FAR-1', 'POS-NEAR-1', 'POS-BLIND-1']
const FIRST = 2500
/** They wait behind the first one, and are more than one symbol holds: their payers' names are as long as names may be. */
const MORE = Array.from({ length: 15 }, (_, at) => 1000 + at)
const payerOf = (amount: number) => `W-SN-C${amount}-`.padEnd(64, 'X')
const LAST = 300
const AMOUNTS = [FIRST, ...MORE, LAST]
const shop = useShop()

describe('payments of a till without a network', () => {
  let [far, near]: CameraPhone[] = []
  let [till, other]: Page[] = []
  const phones = () => {
    if (!far || !near || !till || !other) throw new Error('the phones are there from beforeAll on')
    return { far, near, till, other }
  }

  beforeAll(async () => {
    // A wallet without a telephone is sent no code, and its holder's phone is never allowed to say yes.
    for (const amount of MORE) await shop().database.open(payerOf(amount), amount, { phone: `+22178000${amount}` })
    ;[far, near] = [await shop().cameraPhone(), await shop().cameraPhone()]
    till = await opened(far, FAR)
    other = await opened(near, NEAR)
    await far.context.setOffline(true)
    await near.context.setOffline(true)
    await take(till, FIRST)
  })

  it('are scanned with the camera of another till, even one that has no network itself, and wait there', async () => {
    const { near, till, other } = phones()
    await show(till, 'Envoyer par un autre téléphone')
    near.camera.show(await symbolsOn(till))
    await show(other, 'Porter pour une autre caisse')
    await look(other, '30-carry-none')
    await other.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
    await other.getByText('Attend le réseau').waitFor()
    await look(other, '31-carried-waiting')
    expect(await tracks(other)).toEqual(['ended'])
  })

  it('stay there when the page is closed, and count as none of that till’s own', async () => {
    const { other } = phones()
    await other.reload()
    await other.getByText('Attend le réseau').waitFor()
    await other.getByRole('link', { name: 'Aujourd’hui' }).click()
    await other.getByRole('link', { name: 'Porté pour d’autres caisses : 1 en attente' }).waitFor()
    expect(await statuses(other)).toEqual([])
    expect(await total(other, 'settled')).toBe('Réglé × 0 : 0 F CFA')
    expect(await total(other, 'waiting')).toBe('En attente × 0 : 0 F CFA')
    await look(other, '32-today-carrying')
  })

  it('go by themselves as soon as there is a network, and a receipt is there to be shown', async () => {
    const { near, till, other } = phones()
    await other.getByRole('link', { name: 'Porté pour d’autres caisses' }).click()
    await near.context.setOffline(false)
    await other.getByRole('link', { name: `Caisse ${FAR}` }).click()
    await other.getByRole('img', { name: 'Code QR du reçu' }).waitFor()
    await look(other, '33-carried-delivered')
    expect(await statusesOf(till)).toEqual(['pending_offline'])
  })

  it('are not acknowledged by a code of another kind, nor by a receipt that the server did not sign', async () => {
    const { far, till, other } = phones()
    await show(till, 'Envoyer par un autre téléphone')
    far.camera.show(await symbolsOn(till))
    await till.getByRole('button', { name: 'Scanner le reçu' }).click()
    await till.getByText('C’est le code d’une caisse').waitFor()
    await look(till, '34-wrong-code')
    await till.getByRole('button', { name: 'Fermer' }).click()

    const receipt = receiptIn(await symbolsOn(other))
    const forged = receipt.with(-1, (receipt.at(-1) ?? 0) ^ 1)
    far.camera.show(generateOfflineQR(forged, { carries: 'receipt' }).parts.map(qrModules))
    await till.getByRole('button', { name: 'Scanner le reçu' }).click()
    await till.getByText('Ce n’est pas un reçu du serveur').waitFor()
    await look(till, '35-forged-receipt')
    expect(await statusesOf(till)).toEqual(['pending_offline'])
  })

  it('are received, and not paid, once the receipt is scanned back without any network', async () => {
    const { far, till, other } = phones()
    await till.getByRole('link', { name: 'Encaisser' }).click()
    for (const amount of MORE) await take(till, amount, payerOf(amount))
    await show(till, 'Envoyer par un autre téléphone')
    far.camera.show(await symbolsOn(other))
    await till.getByRole('button', { name: 'Scanner le reçu' }).click()
    await till.getByText('1 paiement reçu par le serveur, en attente de règlement.').waitFor()
    await look(till, '36-acknowledged')
    expect(await statusesOf(till)).toEqual([...MORE.map(() => 'pending_offline'), 'claimed'])
    expect(await total(till, 'settled')).toBe('Réglé × 0 : 0 F CFA')
    expect(await tracks(till)).toEqual(['ended', 'ended', 'ended'])
  })

  it('are carried as an animated code too, also by photos on a phone without a camera: twice, and receipted alike', async () => {
    const { far, near, till, other } = phones()
    await show(till, 'Envoyer par un autre téléphone')
    const symbols = await symbolsOn(till)
    expect(symbols.length).toBeGreaterThan(1)
    near.camera.show(symbols)
    await show(other, 'Porter pour une autre caisse')
    await other.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
    await other.getByRole('img', { name: 'Code QR du reçu' }).waitFor()

    const blind = await opened(shop(), BLIND)
    await show(blind, 'Porter pour une autre caisse')
    await blind.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
    await blind.getByText('Aucune caméra trouvée').waitFor()
    await look(blind, '37-no-camera')
    const photos = (await photosOf(till)).map((buffer, at) => ({ name: `${at}.png`, mimeType: 'image/png', buffer }))
    await blind.getByLabel('photo du code').setInputFiles(photos)
    await blind.getByRole('img', { name: 'Code QR du reçu' }).waitFor()
    expect(receiptIn(await symbolsOn(blind))).toEqual(receiptIn(await symbolsOn(other)))
    assertClean(blind)

    far.camera.show(await symbolsOn(other))
    await till.getByRole('button', { name: 'Scanner le reçu' }).click()
    await till.getByText('15 paiements reçus par le serveur').waitFor()
  })

  it('are sent by the service worker when the page that scanned them is closed before there is a network', async () => {
    const { near, till, other } = phones()
    await near.context.setOffline(true)
    await till.getByRole('link', { name: 'Encaisser' }).click()
    await take(till, LAST)
    await show(till, 'Envoyer par un autre téléphone')
    near.camera.show(await symbolsOn(till))
    await show(other, 'Porter pour une autre caisse')
    await other.getByRole('button', { name: 'Scanner le code d’une caisse' }).click()
    await other.getByText('Attend le réseau').waitFor()
    const wakeUp = await sleeping(near, other)
    await near.context.setOffline(false)
    await wakeUp()
    assertClean(other)
    await until(async () => {
      await shop().sayYes(MORE.map(payerOf))
      return (await shop().settled(FAR)).length === AMOUNTS.length
    })
    expect(await statusesOf(till)).toContain('pending_offline')
  })

  it('are settled once when the till has a network again, and in the book exactly once each', async () => {
    const { far, till } = phones()
    await far.context.setOffline(false)
    await until(async () => {
      const shown = await statusesOf(till)
      return shown.length === AMOUNTS.length && shown.every((status) => status === 'succeeded')
    })
    expect(await shop().settled(FAR)).toEqual(AMOUNTS.map((amount, at) => [at + 1, amount, 1]))
    expect(await shop().settled(NEAR)).toEqual([])
    assertClean(till)
  })
})

/** A till that was enrolled by its link, and is on the phone to stay. */
async function opened(phone: Phone, deviceId: string): Promise<Page> {
  const page = await phone.open(await shop().invite(deviceId))
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  await page.evaluate(() => navigator.serviceWorker.ready)
  return page
}

async function show(page: Page, link: string): Promise<void> {
  await page.getByRole('link', { name: 'Aujourd’hui' }).click()
  await page.getByRole('link', { name: link }).click()
}

async function statusesOf(page: Page) {
  await page.getByRole('link', { name: 'Aujourd’hui' }).click()
  await page.locator('.molam-row').first().waitFor()
  return statuses(page)
}

/** Closes the page. @returns what the browser does with its service worker when there is a network (Background Sync) */
async function sleeping({ context }: Phone, page: Page): Promise<() => Promise<void>> {
  const browser = await context.newPage()
  const session = await context.newCDPSession(page)
  const registered = Promise.withResolvers<string>()
  session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    for (const { registrationId, scopeURL } of registrations) {
      if (scopeURL.endsWith('/pos/')) registered.resolve(registrationId)
    }
  })
  await session.send('ServiceWorker.enable')
  const [registrationId, origin] = [await registered.promise, new URL(page.url()).origin]
  await page.close()
  const other = await context.newCDPSession(browser)
  await other.send('ServiceWorker.enable')
  return async () => {
    const tag = 'molam-offline-sync'
    await other.send('ServiceWorker.dispatchSyncEvent', { origin, registrationId, tag, lastChance: false })
  }
}

/** A heading of the day with its count and its sum, the spaces plain. */
async function total(page: Page, name: string): Promise<string> {
  const texts = await page.locator(`[data-total=${name}] > *`).allTextContents()
  return texts.join(' : ').replaceAll(/\s/gu, ' ')
}

/** How the tracks of every camera that the page was given stand. */
const tracks = (page: Page) =>
  page.evaluate(() =>
    (globalThis as unknown as { cameras: MediaStreamTrack[] }).cameras.map((track) => track.readyState),
  )
