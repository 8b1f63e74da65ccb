import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { assertClean, fill, look, take, useShop, widerThanScreen } from '../kit.ts'

/** How the till holds on screens of every size, with text of every size, and with the longest names. */
const shop = useShop()
const LONG = `POS-${'LONG-'.repeat(11)}NAME1`

/** A till on a phone of its own. */
async function opened(deviceId: string) {
  const { context, open } = await shop().phone()
  const page = await open(await shop().invite(deviceId))
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  return { page, context }
}

const today = (page: Page) => page.getByRole('link', { name: 'Aujourd’hui' }).click()
const boxOf = (page: Page, key: string) => page.locator('.app-key', { hasText: key }).last().boundingBox()

describe('the pad', () => {
  it('stays under the finger: no key moves when a sync comes and goes, nor when the amount is refused', async () => {
    const { page, context } = await opened('POS-PAD-1')
    await page.evaluate(() => navigator.serviceWorker.ready)
    await context.setOffline(true)
    await take(page, 1200)
    await page.locator('.molam-banner[data-status=offline_ready]').waitFor()
    const before = await boxOf(page, '5')
    const held = Promise.withResolvers<void>()
    await context.route('**/offline/push', async (route) => {
      await held.promise
      await route.continue()
    })
    await context.setOffline(false)
    await page.getByText('Synchronisation…').waitFor({ state: 'attached' })
    expect(await boxOf(page, '5')).toEqual(before)
    await page.keyboard.type('100001')
    await page.getByText('ne dépasse pas').waitFor()
    expect(await boxOf(page, '5')).toEqual(before)
    held.resolve()
    await page.locator('.molam-banner[data-status=ready]').waitFor()
    await page.getByText('Synchronisation…').waitFor({ state: 'detached' })
    expect(await boxOf(page, '5')).toEqual(before)
    assertClean(page)
  })

  const screens = [
    { name: '40-small-phone', width: 360, height: 640, keyPx: 56 },
    { name: '41-landscape', width: 740, height: 360, keyPx: 40 },
    { name: '42-tablet', width: 1180, height: 820, keyPx: 84 },
    { name: '43-tablet-portrait', width: 820, height: 1180, keyPx: 84 },
    { name: '44-laptop', width: 1366, height: 657, keyPx: 64 },
    { name: '44-wide-phone', width: 915, height: 412, keyPx: 44 },
  ]
  let sized: Page | undefined

  it.each(screens)('is whole on $name, with keys that a finger hits, and nothing to scroll', async (screen) => {
    const { name, keyPx, width, height } = screen
    sized ??= (await opened('POS-PAD-2')).page
    await sized.setViewportSize({ width, height })
    await look(sized, name)
    const [key, next] = [await boxOf(sized, '0'), await sized.getByRole('button', { name: 'Continuer' }).boundingBox()]
    if (key === null || next === null) throw new Error('the pad is not shown')
    expect(key.height).toBeGreaterThanOrEqual(keyPx)
    expect(Math.max(key.y + key.height, next.y + next.height)).toBeLessThanOrEqual(height)
    expect(await sized.evaluate(() => document.documentElement.scrollHeight)).toBe(height)
  })
})

it('an account that the ledger does not know is said above the pad, which stays whole on a small phone', async () => {
  const { open } = await shop().phone()
  const page = await open(await shop().inviteStranger('POS-UNKNOWN-1'))
  await take(page, 500)
  await page.getByRole('alert').getByText('Compte du commerce inconnu').waitFor()
  await page.setViewportSize({ width: 360, height: 640 })
  await look(page, '50-shop-unknown')
  const next = await page.getByRole('button', { name: 'Continuer' }).boundingBox()
  if (next === null) throw new Error('the pad is not shown')
  expect(next.y + next.height).toBeLessThanOrEqual(640)
  await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'))
  await look(page, '50-shop-unknown-large')
  assertClean(page)
})

describe('nothing sticks out', () => {
  it('of a phone, with the longest name, the longest customer and the largest amount', async () => {
    const { page, context } = await opened(LONG)
    expect(LONG).toHaveLength(64)
    await context.setOffline(true)
    await page.keyboard.type('999999999')
    expect(await widerThanScreen(page)).toEqual([])
    await page.keyboard.press('Escape')
    await fill(page, 9_999, `W-${'X'.repeat(62)}`)
    await look(page, '45-long-payer')
    await page.keyboard.press('Enter')
    await page.locator('.app-local-id').waitFor()
    await look(page, '46-long-result')
    await page.getByRole('link', { name: 'Voir le reçu' }).click()
    await page.getByText('Reçu provisoire').waitFor()
    await look(page, '47-long-receipt')
    await page.getByRole('link', { name: 'Caisse', exact: true }).click()
    await look(page, '48-long-device')
    assertClean(page)
  })

  it('of a phone with text of twice the size, on any screen', async () => {
    const { page, context } = await opened('POS-LARGE-1')
    await context.setOffline(true)
    await take(page, 9_500)
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'))
    await look(page, '49-large-till')
    await fill(page, 9_500)
    await look(page, '49-large-payer')
    await today(page)
    await look(page, '49-large-today')
    await page.locator('.molam-row button').click()
    await page.getByText('Reçu provisoire').waitFor()
    await look(page, '49-large-receipt')
    await page.getByRole('link', { name: 'Caisse', exact: true }).click()
    await look(page, '49-large-device')
    assertClean(page)
  })
})
