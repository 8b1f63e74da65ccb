import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { page } from 'vitest/browser'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { OWNER } from '../../device/sdk/edge.ts'
import { unverified } from '../../kit/authorization.ts'
import { Till } from '../../ui/till.tsx'
import { openPage, PAYER } from './page.tsx'

/** A merchant gives a payment back from its receipt. Nothing is given back by a press that was not meant. */
beforeEach(() => page.viewport(360, 740))
afterEach(() => localStorage.clear())

async function opened({ settled = true } = {}) {
  const till = await Till.open({ autoSync: false })
  const terms = { type: 'merchant', amount: 2500, currency: 'XOF', sender: PAYER, receiver: OWNER } as const
  const asked = { ...terms, counter: 0, method: 'wallet', initiatedAtMs: till.rig.timeMs } as const
  const { pass, authorization } = unverified({ ...asked, amount: amountMinor(2500), currency: currency('XOF') })
  const answer = { pass: pass as Uint8Array, authorization: authorization as Uint8Array }
  const { localId, counter } = await till.sdk.createOfflineTransaction({ ...terms, authorization: answer })
  if (settled) {
    await till.sdk.syncNow()
    till.rig.edge.settle(counter, 'succeeded')
    await till.sdk.syncNow()
  }
  const shown = await openPage(till)
  location.hash = `#/receipt/${localId}`
  await expect.element(button('Rembourser')).toBeVisible()
  return { till, localId, ...shown }
}
const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true })
const refunds = (till: Till) => till.sdk.getTransactions().filter(({ type }) => type === 'refund')
const sums = (till: Till) => refunds(till).map(({ amount, receiver }) => [amount, receiver])
const amount = () => page.getByRole('textbox', { name: 'Montant à rembourser' })

describe('a payment is given back', () => {
  it('in three steps that say how much and to whom, and by no double tap', async () => {
    const { till, localId, settle, text } = await opened()
    await button('Rembourser').click()
    await amount().fill('1000')
    await button('Continuer').last().click()
    expect(text().replaceAll(/\s/gu, ' ')).toContain('au compte +221 77 000 00 01')
    // The second tap of a double tap.
    await button(/Rembourser 1.000/).click({ force: true })
    expect(sums(till)).toEqual([])
    await settle()
    await button(/Rembourser 1.000/).click()
    await expect.element(page.getByRole('status').getByText(/^Remboursement de 1.000/)).toBeVisible()
    expect(sums(till)).toEqual([[1000, PAYER]])
    expect(till.sdk.getTransaction(localId)).toMatchObject({ refunded: 1000, refundable: 1500 })
    await expect.element(page.getByText(/Déjà remboursé/)).toBeVisible()
    await page.getByRole('link', { name: 'Voir le remboursement' }).click()
    await expect.element(page.getByRole('link', { name: `Rembourse le paiement ${localId}` })).toBeVisible()
  })

  it('not above what is left, and not when whoever began it goes back', async () => {
    const { till, settle } = await opened()
    await button('Rembourser').click()
    for (const wrong of ['2501', '0', '']) {
      await amount().fill(wrong)
      await button('Continuer').last().click({ force: true })
      await expect.element(page.getByRole('alert').getByText(/de 1 à 2.500/)).toBeVisible()
    }
    await amount().fill('2500')
    await button('Continuer').last().click()
    await settle()
    await button('Retour').click()
    await expect.element(button('Rembourser')).toHaveFocus()
    await button('Rembourser').click()
    await amount()
      .element()
      .dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
    await expect.element(button('Rembourser')).toHaveFocus()
    expect(sums(till)).toEqual([])
  })

  it('by being voided when it never left the till', async () => {
    const { till, localId, settle } = await opened({ settled: false })
    await button('Rembourser').click()
    await button('Continuer').last().click()
    await settle()
    await button(/Rembourser 2.500/).click()
    await expect.element(page.getByRole('status').getByText(/il est annulé/)).toBeVisible()
    expect(till.sdk.getTransaction(localId)?.status).toBe('voided')
    expect(sums(till)).toEqual([])
  })

  it('or says why not, and that nothing was given back', async () => {
    const { till, settle } = await opened()
    till.rig.edge.paysUntilMs = undefined
    await till.sdk.syncNow()
    await button('Rembourser').click()
    await button('Continuer').last().click()
    await settle()
    await button(/Rembourser 2.500/).click()
    await expect.element(page.getByRole('alert').getByText('refused')).toBeVisible()
    expect(sums(till)).toEqual([])
  })

  it('and the day counts it out again', async () => {
    const { till, localId, text } = await opened()
    const { payment } = await till.sdk.refund(localId, { amount: 700 })
    await till.sdk.syncNow()
    till.rig.edge.settle(payment.counter, 'succeeded')
    await till.sdk.syncNow()
    location.hash = '#/today'
    await expect.poll(() => text().replaceAll(/\s/gu, ' ')).toContain('1 800 F CFA')
  })
})
