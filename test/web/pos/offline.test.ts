import type { Page, Request } from 'playwright'
import { describe, expect, it } from 'vitest'
import { parseBundle } from '../../../src/protocol/bundle.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { until } from '../../kit/journey.ts'
import { assertClean, fill, look, statuses, take, useShop } from '../kit.ts'

/**
 * A merchant's day on the page itself, in Chromium, against workerd, the queue, a reconciler and Postgres: enrolled by a
 * link, payments without a network, a reload, a page whose process dies while it sends, and the book at the end.
 */
const DEVICE = 'POS-DAY-1'
const AMOUNTS = [2500, 700, 10_000]
const shop = useShop()

const open = (path: string) => shop().open(`${shop().stack.edge.url}/pos/${path}`)
const banner = (page: Page) => page.getByRole('region', { name: 'État de l’appareil' })

/** What makes a bundle the same one: its name and its sealed bytes. */
type SentBundle = { readonly id: string; readonly sealed: string }

function bundleIn(request: Request): SentBundle {
  const { claims, payload } = parseBundle(request.postDataBuffer() ?? new Uint8Array())
  return { id: ulidText(claims.bundleId), sealed: toBase64url(payload) }
}

/** The page's process dies, as on a phone that runs out of memory: nothing of the page gets to say goodbye. */
async function kill(page: Page): Promise<void> {
  const crashed = page.waitForEvent('crash')
  const session = await shop().context.newCDPSession(page)
  // A dead process sends no answer.
  void session.send('Page.crash').catch(() => undefined)
  await crashed
  await page.close()
}

describe('a till of a merchant', () => {
  let page: Page
  let withheld: SentBundle
  const resent: SentBundle[] = []

  it('is enrolled by opening its link, which then is neither in the address nor in the history', async () => {
    page = await shop().open(await shop().invite(DEVICE))
    await page.getByRole('button', { name: 'Continuer' }).waitFor()
    expect(page.url()).toBe(`${shop().stack.edge.url}/pos/`)
    await look(page, '01-enrolled')
  })

  it('is controlled by its service worker, and can be installed', async () => {
    const scope = await page.evaluate(async () => {
      const { serviceWorker } = navigator
      const { scope } = await serviceWorker.ready
      // One that is active claims its pages a moment later.
      const claimed = new Promise((resolve) => serviceWorker.addEventListener('controllerchange', resolve))
      if (serviceWorker.controller === null) await claimed
      return scope
    })
    expect(scope).toBe(`${shop().stack.edge.url}/pos/`)
    const session = await shop().context.newCDPSession(page)
    const { errors, manifest } = await session.send('Page.getAppManifest')
    expect(errors).toEqual([])
    expect(manifest).toMatchObject({ name: 'Molam Caisse', display: 'kStandalone' })
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
    // A profile that is thrown away installs nothing; there is nothing else to say against the page.
    expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([])
  })

  it('takes payments without a network, and calls none of them paid', async () => {
    await shop().context.setOffline(true)
    await banner(page).getByText('Hors ligne').waitFor()
    for (const amount of AMOUNTS.slice(0, 2)) await take(page, amount)
    await page.keyboard.type(String(AMOUNTS[2]))
    await look(page, '02-amount')
    await fill(page, '')
    await look(page, '03-payer')
    await page.keyboard.press('Enter')
    await page.getByText('Gardé sur cet appareil. Pas encore payé.').waitFor()
    await look(page, '04-noted')
    expect(await page.getByText('Payé', { exact: true }).count()).toBe(0)
  })

  it('opens without a network and has every payment still', async () => {
    await page.reload()
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
    await page.locator('.molam-row').nth(2).waitFor()
    expect(await statuses(page)).toEqual(['pending_offline', 'pending_offline', 'pending_offline'])
    await banner(page).getByText('3 paiements').first().waitFor()
    expect(await page.locator('[data-total=waiting]').textContent()).toMatch(/13\s200\s*F\s*CFA/u)
    await look(page, '05-today-offline')
  })

  it('shows the waiting payments as a code for another phone', async () => {
    await page.getByRole('link', { name: 'Envoyer par un autre téléphone' }).click()
    await page.getByRole('img', { name: 'Code QR' }).waitFor()
    await look(page, '06-carry')
    assertClean(page)
  })

  it('dies while the edge has its payments and the receipt is on the way, and loses none', async () => {
    const { context } = shop()
    const arrived = Promise.withResolvers<Request>()
    let isFirst = true
    await context.route('**/offline/push', async (route, request) => {
      if (!isFirst) {
        resent.push(bundleIn(request))
        return route.continue()
      }
      isFirst = false
      expect((await route.fetch()).status()).toBe(200)
      arrived.resolve(request)
      // The answer never comes. The route stays: playwright takes none back from a process that died.
    })
    await context.setOffline(false)
    withheld = bundleIn(await arrived.promise)
    await kill(page)
    page = await open('#/today')
    await page.locator('.molam-row').nth(2).waitFor()
  })

  it('sends the same bundle again, and shows each payment as paid once the book says so', async () => {
    await until(async () => {
      await shop().sayYes()
      return (await statuses(page)).every((status) => status === 'succeeded')
    })
    expect(await page.locator('[data-total=settled]').textContent()).toMatch(/13\s200\s*F\s*CFA/u)
    expect(resent[0]).toEqual(withheld)
    await look(page, '07-today-settled')
    await page.locator('.molam-row').first().click()
    await page.getByText('Accusé signé du serveur').waitFor()
    await look(page, '08-receipt')
    assertClean(page)
  })

  it('is posted to the ledger exactly once, payment by payment', async () => {
    expect(await shop().settled(DEVICE)).toEqual(AMOUNTS.map((amount, at) => [at + 1, amount, 1]))
  })
})
