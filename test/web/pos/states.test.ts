import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { assertClean, look, PAYERS, take, useShop } from '../kit.ts'

/** What a merchant sees on the days that are not like the others, and on paper. */
const shop = useShop()
const DAY_MS = 86_400_000

/** A till on a phone of its own. */
async function opened(deviceId: string) {
  const { context, open } = await shop().phone()
  const page = await open(await shop().invite(deviceId))
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  return { page, context }
}

const today = (page: Page) => page.getByRole('link', { name: 'Aujourd’hui' }).click()
const till = (page: Page) => page.getByRole('link', { name: 'Encaisser' }).click()

describe('on paper', () => {
  it('there is the receipt alone, dark on light, whatever the theme and the width of the page', async () => {
    const { page } = await opened('POS-PAPER-1')
    await take(page, 2_500)
    await page.getByRole('link', { name: 'Caisse', exact: true }).click()
    await page.getByText('Sombre', { exact: true }).click()
    await today(page)
    await page.locator('.molam-row button').click()
    await page.locator('.app-slip').waitFor()
    for (const size of [
      { width: 360, height: 740 },
      { width: 1180, height: 820 },
    ]) {
      await page.setViewportSize(size)
      await page.emulateMedia({ media: 'print' })
      for (const hidden of ['.app-nav', '.app-status', '.pos-pane-till', '.app-actions', '.app-back'])
        expect(await page.locator(hidden).isVisible(), hidden).toBe(false)
      expect(await page.locator('.app-facts').isVisible()).toBe(true)
      expect(await colours(page)).toEqual({ ink: 'rgb(16, 32, 26)', paper: 'rgb(255, 255, 255)' })
      await look(page, `50-print-${size.width}`)
      await page.emulateMedia({ media: 'screen' })
      expect((await colours(page)).paper).not.toBe('rgb(255, 255, 255)')
    }
    assertClean(page)
  })
})

const colours = (page: Page) =>
  page.locator('.app-slip').evaluate((slip) => {
    const { color, backgroundColor } = getComputedStyle(slip)
    return { ink: color, paper: backgroundColor }
  })

describe('a till that needs somebody', () => {
  it('says on the screen that takes payments that the server has blocked it', async () => {
    const { page } = await opened('POS-BLOCKED-1')
    const token = await shop().stack.issuer.token('ops', ['pay_admin'])
    const answer = await fetch(`${shop().stack.edge.url}/offline/devices/POS-BLOCKED-1/suspend`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'lost' }),
    })
    expect(answer.status).toBe(200)
    await take(page, 2_500)
    await page.getByText('Appareil bloqué').waitFor()
    await look(page, '51-blocked')
    await page.getByRole('link', { name: 'Caisse', exact: true }).click()
    await page.getByText('Sombre', { exact: true }).click()
    await till(page)
    await look(page, '51-blocked-dark')
  })

  it('shows the payments of earlier days below their day, and that it has not been in contact for too long', async () => {
    const { page, context } = await opened('POS-LATE-1')
    await page.evaluate(() => navigator.serviceWorker.ready)
    await context.setOffline(true)
    await take(page, 2_500)
    await take(page, 700, PAYERS[1])
    const nowMs = Date.now()
    await page.clock.setSystemTime(nowMs + DAY_MS)
    await page.reload()
    await take(page, 1_000, PAYERS[2])
    await today(page)
    await page.locator('summary').click()
    await look(page, '52-earlier-days')
    await page.clock.setSystemTime(nowMs + 9 * DAY_MS)
    await page.reload()
    await till(page)
    await look(page, '53-overdue')
    assertClean(page)
  })

  it('that never was in contact asks for it', async () => {
    const { context, open } = await shop().phone()
    const invitation = await shop().invite('POS-FIRST-1')
    for (const part of ['notice', 'push', 'keys']) await context.route(`**/offline/${part}`, (route) => route.abort())
    const page = await open(invitation)
    await page.getByText('Première connexion nécessaire').waitFor()
    await look(page, '54-first-contact')
    await page.setViewportSize({ width: 1180, height: 820 })
    await look(page, '54-first-contact-tablet')
  })

  it('names on the screen that takes payments what a person must look at, and not the notes of every day', async () => {
    const { page, context } = await opened('POS-NOTES-1')
    await page.evaluate(() => navigator.serviceWorker.ready)
    await context.setOffline(true)
    await take(page, 2_500)
    await page.locator('.molam-banner[data-status=offline_ready]').waitFor()
    expect(await page.locator('[data-note]').evaluateAll(kindsAndSight)).toEqual([
      ['unsynced', false],
      ['syncBefore', false],
    ])
    await page.evaluate(spoilRecord)
    await page.reload()
    await page.getByText('enregistrement abîmé').waitFor()
    await look(page, '55-damaged')
  })
})

/** The record of the first payment is not what was written. */
function spoilRecord(): Promise<void> {
  return new Promise((done, fail) => {
    const opening = indexedDB.open('molam')
    opening.onerror = fail
    opening.onsuccess = () => {
      const records = opening.result.transaction('records', 'readwrite').objectStore('records')
      records.put('s1.0.0', 'molam/POS-NOTES-1/payment/1').onsuccess = () => {
        opening.result.close()
        done()
      }
    }
  })
}

const kindsAndSight = (notes: readonly Element[]) =>
  notes.map((note) => [note.getAttribute('data-note'), (note as HTMLElement).offsetParent !== null])
