import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { until } from '../../kit/journey.ts'
import { assertClean, look, PAYERS, take, useShop } from '../kit.ts'

/** Browsers that are not a Chromium of today, and what a browser does to a till that is open. */
const shop = useShop({ deploy: true })
const posUrl = () => `${shop().stack.edge.url}/pos/`

/** Runs in the page before its own scripts: what came after the floor of browsers (src/web/README.md) is not there. */
function backToTheFloor(): void {
  const later: readonly (readonly [object, readonly string[]])[] = [
    [Promise, ['withResolvers', 'try']],
    [Object, ['groupBy']],
    [Map, ['groupBy']],
    [Array, ['fromAsync']],
    [Array.prototype, ['findLast', 'findLastIndex', 'toReversed', 'toSorted', 'toSpliced', 'with']],
    [Object.getPrototypeOf(Uint8Array.prototype), ['findLast', 'findLastIndex', 'toReversed', 'toSorted', 'with']],
    [Uint8Array, ['fromBase64', 'fromHex']],
    [Uint8Array.prototype, ['toBase64', 'toHex', 'setFromBase64', 'setFromHex']],
    [String.prototype, ['isWellFormed', 'toWellFormed']],
    [Set.prototype, ['union', 'intersection', 'difference', 'isSubsetOf', 'isSupersetOf', 'isDisjointFrom']],
    [ArrayBuffer.prototype, ['resize', 'transfer', 'transferToFixedLength']],
    [AbortSignal, ['any', 'timeout']],
    [RegExp, ['escape']],
    [Math, ['sumPrecise']],
    [Error, ['isError']],
    [URL, ['canParse', 'parse']],
    [globalThis, ['Iterator', 'OffscreenCanvas', 'CompressionStream', 'navigation', 'scheduler', 'Temporal']],
  ]
  for (const [holder, names] of later) for (const name of names) Reflect.deleteProperty(holder, name)
}

/** Until the page is loaded: playwright itself wants it. */
function withoutHasOwn(): void {
  const { hasOwn } = Object
  Reflect.deleteProperty(Object, 'hasOwn')
  addEventListener('load', () => Object.assign(Object, { hasOwn }))
}

/** Names of methods that are newer than the floor: the code that is served calls none of them. */
const LATER =
  /\.(?:withResolvers|findLast(?:Index)?|toReversed|toSorted|toSpliced|groupBy|fromAsync|isWellFormed|isSubsetOf)\(/g

describe('the floor of browsers', () => {
  it('has all that the till uses: it opens, takes a payment and shows it as paid', async () => {
    const { context, open } = await shop().phone()
    await context.addInitScript(backToTheFloor)
    const page = await open(await shop().invite('POS-FLOOR-1'))
    await page.getByRole('button', { name: 'Continuer' }).waitFor()
    expect(await page.evaluate(() => 'withResolvers' in Promise)).toBe(false)
    await take(page, 2_500)
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
    await until(async () => {
      await shop().sayYes()
      return (await page.locator('.molam-row[data-status=succeeded]').count()) === 1
    })
    await page.getByRole('link', { name: 'Caisse', exact: true }).click()
    await page.getByRole('button', { name: 'Retirer', exact: true }).click()
    await page.getByRole('button', { name: 'Retirer vraiment' }).click()
    await page.getByRole('heading', { name: 'Mettre cette caisse en service' }).waitFor()
    assertClean(page)
  })

  it('is below nothing that is served: no script, worker or service worker calls what came later', () => {
    const files = readdirSync(shop().page, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'))
    expect(files.length).toBeGreaterThan(2)
    const found = files.map((path) => [path, readFileSync(join(shop().page, path), 'utf8').match(LATER)] as const)
    expect(found.filter(([, calls]) => calls !== null)).toEqual([])
  })

  it.each([
    ['a browser without Object.hasOwn', withoutHasOwn, 'trop ancien', '60-below-floor'],
    ['a browser without Web Locks', () => Reflect.deleteProperty(Navigator.prototype, 'locks'), 'trop ancien', ''],
    [
      'a page without https',
      () => Object.defineProperty(globalThis, 'isSecureContext', { value: false }),
      'pas protégée',
      '',
    ],
  ] as const)('is told below it: %s', async (_, take, said, picture) => {
    const { context, open } = await shop().phone()
    await context.addInitScript(take)
    const page = await open(posUrl())
    await page.getByRole('alert').getByText(said).waitFor()
    if (picture !== '') await look(page, picture)
  })

  it('and a script that does not arrive is told too, instead of a blank page', async () => {
    const { context, open } = await shop().phone()
    await context.route('**/assets/index-*.js', (route) => route.abort())
    const page = await open(posUrl())
    await page.getByRole('alert').getByText('n’a pas pu être chargée').waitFor()
  })
})

describe('a tab of an iPhone', () => {
  const tab = () => Object.defineProperty(navigator, 'standalone', { configurable: true, value: false })
  const app = () => Object.defineProperty(navigator, 'standalone', { configurable: true, value: true })

  it('says to install the till first, and the code is still good in the app', async () => {
    const invitation = await shop().invite('POS-IPHONE-1')
    const code = invitation.slice(invitation.lastIndexOf('.') + 1)
    const safari = await shop().phone()
    await safari.context.addInitScript(tab)
    const page = await safari.open(invitation)
    await page.getByRole('heading', { name: 'Installez d’abord la caisse' }).waitFor()
    await page.getByText(code).waitFor()
    await look(page, '61-install-first')
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'))
    await look(page, '61-install-first-large')
    assertClean(page)

    const icon = await shop().phone()
    await icon.context.addInitScript(app)
    const installed = await icon.open(posUrl())
    await installed.getByLabel('Identifiant de la caisse').fill('\u2068POS-IPHONE-1\u2069 ')
    await installed.getByLabel('Code', { exact: true }).fill(code)
    await installed.getByRole('button', { name: 'Mettre en service' }).click()
    await installed.getByRole('button', { name: 'Continuer' }).waitFor()
  })

  it('that is the till all the same is not advised to install another one', async () => {
    const { context, open } = await shop().phone()
    await context.addInitScript(tab)
    const page = await open(await shop().invite('POS-IPHONE-2'))
    await page.getByRole('button', { name: 'Utiliser cet onglet quand même' }).click()
    await page.getByRole('button', { name: 'Continuer' }).waitFor()
    await page.getByRole('link', { name: 'Caisse', exact: true }).click()
    await page.getByText('L’icône de l’écran d’accueil serait une autre caisse.').waitFor()
    expect(await page.getByText('Installez l’application').count()).toBe(0)
  })
})

it('what was not sent when the browser cleared the till is sent from memory, and the page says what is left in it', async () => {
  const { context, open } = await shop().phone()
  const page = await open(await shop().invite('POS-GONE-1'))
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  await page.evaluate(() => navigator.serviceWorker.ready)
  await context.setOffline(true)
  // Not what another till of this shop took from this customer a moment ago: that waits for people, as one payment on two devices.
  await take(page, 2_400)
  await take(page, 700, PAYERS[1])
  const session = await context.newCDPSession(page)
  const { origin } = new URL(posUrl())
  await session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' })
  await page.getByRole('heading', { name: 'La mémoire de cette caisse a été effacée' }).waitFor()
  await page.getByText('2 paiements ne sont plus que dans cette page').waitFor()
  expect(await page.getByText('Rien n’est perdu').count()).toBe(0)
  await look(page, '62-gone')
  await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'))
  await look(page, '62-gone-large')
  await context.setOffline(false)
  await page.getByText('Tout ce que cette page connaissait est arrivé au serveur.').waitFor()
  await look(page, '63-gone-safe')
  await until(async () => {
    await shop().sayYes()
    return (await shop().settled('POS-GONE-1')).length === 2
  })
  expect(await shop().settled('POS-GONE-1')).toEqual([
    [1, 2_400, 1],
    [2, 700, 1],
  ])
  await page.getByRole('button', { name: 'Remettre en service' }).click()
  await page.getByRole('heading', { name: 'Mettre cette caisse en service' }).waitFor()
})
