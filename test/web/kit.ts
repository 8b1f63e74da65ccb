import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import axe from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, expect } from 'vitest'
import { registerDevice } from '../../dev/fleet/admin.ts'
import { AgentPhone } from '../../dev/fleet/agent.ts'
import { registerPhone } from '../../dev/fleet/holders-code.ts'
import { passesOf } from '../../dev/fleet/pass.ts'
import { PayerPhone } from '../../dev/fleet/payer.ts'
import { fundWallets } from '../../dev/fleet/wallets.ts'
import { buildPages } from '../../dev/pages.ts'
import { invitation, invite, PAYERS } from '../../dev/pos.ts'
import { newSecrets } from '../../dev/secrets.ts'
import { type Stack, startStack } from '../../dev/stack.ts'
import { invitePhone } from '../../dev/wallet.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { memoryStorage, OfflineSDK, scalarKeyStore } from '../../src/device/sdk/index.ts'
import { fromBase64url, toBase64url } from '../../src/protocol/bytes.ts'
import { encodePaymentAnswer } from '../../src/protocol/payment-request.ts'
import { chromiumLaunch } from '../kit/chromium.ts'
import { useDatabase } from '../reconciler/database.ts'
import type { Database } from '../reconciler/open-database.ts'
import { Camera } from './camera.ts'

/** A phone as it lies on a market stall. */
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, locale: 'fr-SN' }
const ROOT = join(import.meta.dirname, '../..')
const SHOTS = join(ROOT, 'test-results')
/** Only ends what never comes: a busy machine may take its time. */
const DEADLINE_MS = 300_000
export const SHOP = 'W-SN-M960'

export { PAYERS }
export const PAYER = PAYERS[0] as string

/** A profile of a browser, which sees nothing of the others. */
export interface Phone {
  readonly context: BrowserContext
  /** A page on which nothing may go wrong: `assertClean` says what did. */
  open(url: string): Promise<Page>
}

export interface CameraPhone extends Phone {
  readonly camera: Camera
}

export interface Shop extends Phone {
  readonly stack: Stack
  readonly database: Database
  /** Where the served page is, with `deploy`. */
  readonly page: string
  /** The invitation of a new till. */
  invite(deviceId: string): Promise<string>
  /** The same, of a shop that the ledger does not know. */
  inviteStranger(deviceId: string): Promise<string>
  /** The invitation of a phone of somebody who pays, whose wallet has money in it. */
  invitePhone(deviceId: string, wallet: string): Promise<string>
  /** The last code that came to a wallet's telephone for this device by now; undefined before the first. */
  codeFor(deviceId: string): string | undefined
  /** What the book has settled of a device: counter, amount, and how many transfers carry its name. */
  settled(deviceId: string): Promise<readonly (readonly [counter: number, amount: number, transfers: number])[]>
  /** Another phone without a camera, as the first one. */
  phone(): Promise<Phone>
  /** Another phone with a camera. `denied`: its owner allows it to no page. */
  cameraPhone(permission?: 'denied'): Promise<CameraPhone>
  /** What a customer's phone shows for the merchant to scan, to agree to an amount. */
  answer(request: Uint8Array): Promise<string>
  /** What an agent's phone shows for what the till shows. */
  approve(request: string): Promise<string>
  /** A till of the shop, as an SDK of its own with no page. */
  tillSdk(deviceId: string): Promise<OfflineSDK>
  /** The phones of those who pay say yes to whatever is asked of them by now. @param others who pay as well */
  sayYes(others?: readonly string[]): Promise<void>
}

/** The whole stack with the built page, and one browser profile, for a test file. `deploy` is a page of its own to change. */
export function useShop({ deploy = false } = {}): () => Shop {
  const database = useDatabase()
  const stops: (() => unknown)[] = []
  let shop: Shop | undefined

  beforeAll(async () => {
    await buildPages()
    const dir = mkdtempSync(join(tmpdir(), 'molam-pos-'))
    stops.push(() => rmSync(dir, { recursive: true, force: true }))
    const { logins, ownerUrl: owner } = database()
    const texts: string[] = []
    const stack = await startStack({
      onText: ({ text }) => texts.push(text),
      dataDir: dir,
      secrets: await newSecrets(),
      database: { ...logins, owner },
      ...(deploy && { configs: [deployment(dir), join(ROOT, 'dev/queue/wrangler.toml')] }),
    })
    stops.push(() => stack.stop())
    const launch = async (flags: readonly string[]): Promise<Browser> => {
      const { args = [], ...options } = await chromiumLaunch()
      const browser = await chromium.launch({ ...options, args: [...args, ...flags] })
      stops.push(() => browser.close())
      return browser
    }
    const phoneIn = async (browser: Browser): Promise<Phone> => {
      const context = await browser.newContext(PHONE)
      context.setDefaultTimeout(DEADLINE_MS)
      return {
        context,
        async open(url) {
          const page = await context.newPage()
          await page.addInitScript(rememberCameras)
          watch(page, stack.edge.url)
          await page.goto(url)
          return page
        },
      }
    }
    // A browser takes seconds to start. What a camera sees is a browser's, so only phones with one have their own.
    const blind = await launch([])
    let cameras = 0
    const phones = new Map<string, Promise<OfflineSDK>>()
    stops.push(async () => Promise.all([...phones.values()].map(async (phone) => (await phone).destroy())))
    shop = {
      ...(await phoneIn(blind)),
      stack,
      database: database(),
      page: join(dir, 'dist/web/pos'),
      invite: (deviceId) => invite(stack, { deviceId, country: 'SN', shop: SHOP }),
      invitePhone: (deviceId, wallet) => invitePhone(stack, { deviceId, country: 'SN', wallet }),
      codeFor: (deviceId) => texts.findLast((text) => text.includes(deviceId))?.match(/\d{8}/)?.[0],
      inviteStranger: (deviceId) => invitation(stack, { deviceId, country: 'SN', shop: 'W-SN-NOBODY' }),
      settled: (deviceId) => settledOf(database(), deviceId),
      phone: () => phoneIn(blind),
      async cameraPhone(permission) {
        const camera = new Camera(join(dir, `camera-${cameras++}.y4m`))
        return { ...(await phoneIn(await launch(camera.flags(permission)))), camera }
      },
      answer: (request) => answerOf(stack, request),
      approve: (request) => approvalOf(stack, request),
      tillSdk: async (deviceId) => {
        const till = await tillSdk(stack, deviceId)
        stops.push(() => till.destroy())
        return till
      },
      async sayYes(others = []) {
        for (const [number, wallet] of [...PAYERS, ...others].entries()) {
          const known = phones.get(wallet) ?? payersPhone(stack, wallet, number)
          phones.set(wallet, known)
          const phone = await known
          await phone.syncNow()
          for (const { localId } of phone.claims()) await phone.answerClaim(localId, 'confirm')
        }
      },
    }
  })

  afterAll(async () => {
    for (const stop of stops.reverse()) await stop()
  })

  return () => {
    if (shop === undefined) throw new Error('the shop is there from beforeAll on')
    return shop
  }
}

/** A copy of the page and a config that serves it. */
function deployment(dir: string): string {
  cpSync(join(ROOT, 'dist/web'), join(dir, 'dist/web'), { recursive: true })
  const config = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')
    .replace('main = "', `main = "${ROOT}/`)
    .replace('migrations_dir = "', `migrations_dir = "${relative(dir, ROOT)}/`)
  writeFileSync(join(dir, 'wrangler.toml'), config)
  return join(dir, 'wrangler.toml')
}

const keyOfPayer = (number: number) => new Uint8Array(32).fill(11 + number)

/** The phone of one who pays, registered. */
async function registerPayer(stack: Stack, ownerWallet: string, number: number): Promise<PayerPhone> {
  const signer = await webCryptoSuite.es256Signer(keyOfPayer(number))
  const phone = new PayerPhone(`TEL-PAYER-${number + 1}`, ownerWallet, signer, webCryptoSuite, passesOf(stack.edge.url))
  const token = await stack.issuer.token('ops', ['pay_admin'])
  await registerPhone(stack, token, { deviceId: phone.deviceId, country: 'SN', ownerWallet, signer })
  return phone
}

async function tillSdk({ edge, issuer }: Stack, deviceId: string): Promise<OfflineSDK> {
  const scalar = new Uint8Array(32).fill(91)
  const signer = await webCryptoSuite.es256Signer(scalar)
  const token = await issuer.token('ops', ['pay_admin'])
  await registerDevice(edge.url, token, { deviceId, country: 'SN', ownerWallet: SHOP, signer })
  const around = { apiUrl: edge.url, storage: memoryStorage(), atRest: 'none' } as const
  const till = new OfflineSDK({ ...around, deviceId, keyStore: scalarKeyStore(webCryptoSuite, scalar) })
  expect((await till.initialize()).status).toBe('ready')
  return till
}

/** The same, with the app that asks its holder. */
async function payersPhone(stack: Stack, wallet: string, number: number): Promise<OfflineSDK> {
  const { deviceId } = await registerPayer(stack, wallet, number)
  const keyStore = scalarKeyStore(webCryptoSuite, keyOfPayer(number))
  const around = { apiUrl: stack.edge.url, storage: memoryStorage(), atRest: 'none' } as const
  const phone = new OfflineSDK({ ...around, deviceId, keyStore })
  expect((await phone.initialize()).status).toBe('ready')
  return phone
}

/** The customer's phone, enrolled, confirms a payment at the shop. */
async function answerOf(stack: Stack, request: Uint8Array): Promise<string> {
  const phone = await registerPayer(stack, PAYER, 0)
  return toBase64url(encodePaymentAnswer(await phone.answer(request, Date.now())))
}

/** The agent's phone, enrolled, approves what the till shows. */
async function approvalOf(stack: Stack, request: string): Promise<string> {
  const [deviceId, ownerWallet] = ['AGT-1', 'W-SN-A960']
  await fundWallets(stack.database.owner, [ownerWallet], { reference: `agent:${ownerWallet}`, seed: 5 })
  const signer = await webCryptoSuite.es256Signer(new Uint8Array(32).fill(77))
  const [token, second] = [
    await stack.issuer.token('ops', ['pay_admin']),
    await stack.issuer.token('ops-2', ['pay_admin']),
  ]
  await registerDevice(stack.edge.url, token, { deviceId, country: 'SN', ownerWallet, signer }, second)
  const phone = new AgentPhone(deviceId, signer, webCryptoSuite)
  return toBase64url(await phone.approve(fromBase64url(request.trim()), Date.now()))
}

async function settledOf({ owner }: Database, deviceId: string) {
  const { rows } = await owner.query<{ counter: string; amount: string; transfers: number }>(
    `SELECT t.counter, t.amount_minor AS amount,
       (SELECT count(*) FROM wallet_core.transfers x
         WHERE x.source_id = t.device_id AND x.source_no = t.counter AND x.kind = 'payment')::int AS transfers
     FROM offline_transactions t WHERE t.device_id = $1 AND t.status = 'succeeded' ORDER BY t.counter`,
    [deviceId],
  )
  return rows.map(({ counter, amount, transfers }) => [Number(counter), Number(amount), transfers] as const)
}

/** Runs in the page before its own scripts: keeps every camera that the page is given, so that a test can see it end. */
function rememberCameras(): void {
  const cameras: MediaStreamTrack[] = []
  Object.assign(globalThis, { cameras })
  const { mediaDevices } = navigator
  const open = mediaDevices.getUserMedia.bind(mediaDevices)
  mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted)
    cameras.push(...stream.getTracks())
    return stream
  }
}

const troubles = new WeakMap<Page, string[]>()

/** Notes what no merchant should ever cause: errors of the page, and requests to anybody but the edge. */
function watch(page: Page, edgeUrl: string): void {
  const found: string[] = []
  troubles.set(page, found)
  page.on('pageerror', (error) => found.push(`error: ${error.message}`))
  page.on('console', (message) => {
    // A request that fails without a network is not the page's fault, and the browser logs it all the same.
    const network = message.text().startsWith('Failed to load resource: net::ERR_')
    if (message.type() === 'error' && !network) found.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (origin !== edgeUrl && protocol !== 'blob:' && protocol !== 'data:') found.push(`foreign: ${request.url()}`)
  })
}

export function assertClean(page: Page): void {
  expect(troubles.get(page)).toEqual([])
}

/** Keeps a picture of the whole screen from its top, and asks axe what is wrong with it. */
export async function look(page: Page, name: string): Promise<void> {
  const shots = join(SHOTS, new URL(page.url()).pathname)
  mkdirSync(shots, { recursive: true })
  await stands(page)
  await page.evaluate(() => scrollTo(0, 0))
  const { width, height } = page.viewportSize() ?? PHONE.viewport
  // All of it at once, with the navigation where it belongs: a taller page may be laid out anew.
  for (let missing = await hiddenBelow(page); missing > 0; missing = await hiddenBelow(page)) {
    await page.setViewportSize({ width, height: (page.viewportSize()?.height ?? height) + missing })
  }
  await page.screenshot({ path: join(shots, `${name}.png`) })
  await page.setViewportSize({ width, height })
  expect(await widerThanScreen(page), `${name}: sticks out`).toEqual([])
  // As text through the debugger: the page's own policy allows no foreign script.
  await page.evaluate(axe.source)
  const violations = await page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: typeof axe }).axe.run
    const { violations } = await run(document, { resultTypes: ['violations'] })
    return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => node.html).join(' ')}`)
  })
  expect(violations, `${name}: axe`).toEqual([])
}

/** The screen of the address is the one that is shown, its buttons can be pressed, it is laid out and painted. */
async function stands(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const shell = document.querySelector<HTMLElement>('.app')
    const isShown =
      shell === null ||
      shell.dataset['screen'] === (location.hash.split('/')[1] || (shell.matches('.pos') ? 'till' : 'home'))
    return isShown && document.querySelector('[data-pressable=false]') === null
  })
  await painted(page)
}

const painted = (page: Page) =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))

/** How many pixels of the page are below the end of the screen. */
async function hiddenBelow(page: Page): Promise<number> {
  await painted(page)
  return page.evaluate(() => document.documentElement.scrollHeight - document.documentElement.clientHeight)
}

/** What is wider than the page, or than the box that it stands in. */
export const widerThanScreen = (page: Page) =>
  page.evaluate(() => {
    const boxes = document.querySelectorAll('html, .pos-pane, main, main section, main article, main button')
    const wide = [...boxes].filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
    return wide.map(({ tagName, className, scrollWidth }) => `${tagName} ${className}: ${scrollWidth} pixels`)
  })

/** How each payment of the list stands, as the page shows it: the newest first. */
export const statuses = (page: Page) =>
  page.locator('.molam-row').evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset['status']))

/** The steps of a payment up to its last button. @param amount empty when it is keyed in already */
export async function fill(page: Page, amount: number | '', payer = PAYER): Promise<void> {
  await page.getByRole('button', { name: 'Continuer' }).waitFor()
  await page.keyboard.type(String(amount))
  await page.keyboard.press('Enter')
  await page.locator('.pos-ask[data-pressable=true]').waitFor()
  await page.getByRole('button', { name: 'Sans téléphone' }).click()
  await page.getByLabel('Compte du client').fill(payer)
  // What comes too soon after the step before is not meant for this one.
  await page.locator('.pos-payer-step[data-pressable=true]').waitFor()
}

/** What the till calls the payment that was taken; and on to the next. */
export async function taken(page: Page): Promise<string> {
  const localId = (await page.locator('.app-local-id').textContent()) ?? ''
  await page.getByRole('button', { name: 'Nouveau paiement' }).click()
  return localId
}

/** Takes a payment as a merchant with a keyboard does. */
export async function take(page: Page, amount: number, payer = PAYER): Promise<string> {
  await fill(page, amount, payer)
  await page.keyboard.press('Enter')
  return taken(page)
}
