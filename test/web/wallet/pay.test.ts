import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { writePiSpiSymbol } from '../../../src/device/qr/index.ts'
import { fromBase64url, toBase64url } from '../../../src/protocol/bytes.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { until } from '../../kit/journey.ts'
import { textOn } from '../camera.ts'
import { assertClean, look, PAYER, SHOP, useShop } from '../kit.ts'
import { allowedPhone, scan } from './kit.ts'

/** A phone pays what a till asks: both in airplane mode at the counter, and the book has the payment once in the end. */
const DEVICE = 'TEL-PAYS-1'
const TILL = 'POS-ASKS-2'
const ALIAS = '3497a720-ab11-4973-9619-534e04f263a1'
const shop = useShop()
const allowed = (deviceId: string, host?: string) => allowedPhone(shop(), deviceId, { host })

const merchant = (amount: number) => ({ type: 'merchant', amount, currency: 'XOF', receiver: SHOP }) as const

describe('a phone that a till asks', () => {
  let page: Page

  it('shows who and how much before it signs, and shows the till its answer, with no network', async () => {
    page = await allowed(DEVICE)
    const till = await shop().tillSdk(TILL)
    const { request } = await till.createRequest(merchant(25_000))
    await page.evaluate(() => navigator.serviceWorker.ready)
    await shop().context.setOffline(true)
    const terms = { alias: ALIAS, country: 'SN', amount: amountMinor(25_000), reference: 'C1' } as const
    await scan(page, writePiSpiSymbol({ ...terms, isDynamic: true, request }))
    await page.getByRole('heading', { name: 'Vous allez payer' }).waitFor()
    expect(await page.locator('.wallet-amount').textContent()).toMatch(/25\s000\s*F\s*CFA/u)
    await page.getByText(SHOP).waitFor()
    await look(page, '60-asked-by-till')
    await page.getByRole('button', { name: /^Payer 25/ }).click()
    await page.getByRole('heading', { name: 'Montrez ce code à la caisse' }).waitFor()
    await look(page, '61-answer')
    const payment = await till.acceptAuthorization(fromBase64url(await textOn(page)))
    expect(payment).toMatchObject({ amount: 25_000, sender: PAYER, receiver: SHOP, guarantee: 'signed' })
    await until(async () => {
      await till.syncNow()
      return till.getTransaction(payment.localId)?.status === 'succeeded'
    })
    expect(await shop().settled(TILL)).toEqual([[1, 25_000, 1]])
    assertClean(page)
  })

  it('gives the same answer to the same request again, and keeps it once in its history', async () => {
    const till = await shop().tillSdk('POS-ASKS-3')
    const { request } = await till.createRequest(merchant(1_200))
    const answers: string[] = []
    for (const _ of [1, 2]) {
      await scan(page, toBase64url(request))
      await page.getByRole('button', { name: /^Payer 1/ }).click()
      await page.getByRole('heading', { name: 'Montrez ce code à la caisse' }).waitFor()
      answers.push(await textOn(page))
      await page.getByRole('button', { name: 'Terminer' }).click()
    }
    expect(answers[0]).toBe(answers[1])
    await page.getByRole('link', { name: 'Historique' }).click()
    await page.getByText('POS-ASKS-3').waitFor()
    expect(await page.getByText('POS-ASKS-3').count()).toBe(1)
    await look(page, '62-history-signed')
  })

  it('signs nothing for whoever goes back', async () => {
    const till = await shop().tillSdk('POS-ASKS-4')
    const { request } = await till.createRequest(merchant(3_000))
    await scan(page, toBase64url(request))
    await page.getByRole('heading', { name: 'Vous allez payer' }).waitFor()
    await page.getByRole('button', { name: 'Retour' }).click()
    await page.getByRole('heading', { name: 'Payer qui' }).waitFor()
    await page.getByRole('link', { name: 'Historique' }).click()
    await page.getByText('POS-ASKS-3').waitFor()
    expect(await page.getByText('POS-ASKS-4').count()).toBe(0)
  })

  it('calls a code that it cannot pay by its name', async () => {
    await scan(page, writePiSpiSymbol({ alias: ALIAS, country: 'SN', reference: 'C2', isDynamic: false }))
    await page.getByText('sans demande de Molam').waitFor()
    await look(page, '63-not-payable')
    await page.getByRole('button', { name: 'Fermer' }).click()
    assertClean(page)
  })

  it('learns with the next network what became of what it has signed', async () => {
    await page.getByRole('link', { name: 'Historique' }).click()
    const [posted, unheard] = [TILL, 'POS-ASKS-3'].map((till) => page.getByRole('listitem').filter({ hasText: till }))
    for (const line of [posted, unheard]) await line?.getByText('Pas encore de nouvelles').waitFor()
    await shop().context.setOffline(false)
    await until(async () => {
      await page.getByRole('button', { name: 'Synchroniser' }).click()
      return (await posted?.getByText('Payé').count()) === 1
    })
    await unheard?.getByText('Pas encore de nouvelles').waitFor()
    await look(page, '64-history-heard')
    assertClean(page)
  })
})

describe('a phone whose holder wants its lock', () => {
  it('asks for it before it signs, and signs nothing when nobody opens it', async () => {
    const { context } = shop()
    await context.setOffline(false)
    // WebAuthn knows sites by a name, and an address has none.
    const page = await allowed('TEL-LOCKED-1', 'localhost')
    const session = await context.newCDPSession(page)
    await session.send('WebAuthn.enable')
    const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    await page.getByRole('link', { name: 'Téléphone' }).click()
    await page.getByRole('button', { name: 'Demander à chaque paiement' }).click()
    await page.getByRole('button', { name: 'Ne plus demander' }).waitFor()
    await look(page, '65-lock')
    const till = await shop().tillSdk('POS-ASKS-5')
    const { request } = await till.createRequest(merchant(900))
    await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    await scan(page, toBase64url(request))
    await page.getByRole('button', { name: /^Payer/ }).click()
    await page.getByText('Rien n’a été signé.').waitFor()
    await look(page, '66-lock-not-opened')
    await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
    await page.getByRole('button', { name: /^Payer/ }).click()
    await page.getByRole('heading', { name: 'Montrez ce code à la caisse' }).waitFor()
    const payment = await till.acceptAuthorization(fromBase64url(await textOn(page)))
    expect(payment).toMatchObject({ amount: 900, guarantee: 'signed' })
  })
})
