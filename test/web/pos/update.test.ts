import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { assertClean, look, PAYER, take, useShop } from '../kit.ts'

const shop = useShop({ deploy: true })

it('a new version waits until a person asks for it, and takes nothing that was typed or taken with it', async () => {
  const page = await shop().open(await shop().invite('POS-UPDATE-1'))
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  await page.evaluate(() => navigator.serviceWorker.ready)
  await take(page, 1500)
  await page.keyboard.type('2750')
  await page.evaluate(() => {
    Object.assign(globalThis, { loadedBefore: true })
  })

  appendFileSync(join(shop().page, 'sw.js'), '\n// The next version.\n')
  await shop().stack.restartEdge()
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update())
  await page.getByText('Une nouvelle version est prête.').waitFor()
  await look(page, '20-update')
  expect(await page.getByLabel('Montant', { exact: true }).textContent()).toMatch(/2\s750/u)
  expect(await page.evaluate(() => 'loadedBefore' in globalThis)).toBe(true)

  await page.getByRole('button', { name: 'Mettre à jour' }).click()
  await page.waitForFunction(() => !('loadedBefore' in globalThis))
  await page.getByRole('link', { name: 'Aujourd’hui' }).click()
  await page.getByText(PAYER.slice(-4)).last().waitFor()
  expect(await page.getByText('Une nouvelle version est prête.').count()).toBe(0)
  assertClean(page)
})
