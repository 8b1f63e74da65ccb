import { beforeEach, describe, expect, it } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { Till } from '../../ui/till.tsx'
import { openPhone } from './page.tsx'

/** Nothing is paid by a press that was not meant, and nothing that the page itself has not shown. */
beforeEach(() => page.viewport(360, 740))

async function atConfirm() {
  const phone = await Till.open({ autoSync: false })
  const opened = await openPhone(phone)
  await page.getByRole('link', { name: 'Payer', exact: true }).click()
  await page.getByLabelText('Numéro ou compte').fill('+221770000009')
  await page.getByRole('button', { name: 'Continuer' }).click()
  await userEvent.keyboard('700{Enter}')
  await expect.element(page.getByRole('heading', { name: 'Vous allez payer' })).toBeVisible()
  return { phone, ...opened }
}

const button = () => page.getByRole('button', { name: /^Payer/ })

describe('the screen that shows what is about to be paid', () => {
  it('says who, how much and what for', async () => {
    const { one } = await atConfirm()
    expect(one('.wallet-confirm').textContent).toMatch(/700\sF\sCFA/u)
    expect(one('.wallet-terms').textContent).toMatch(/77\s000\s00\s09/u)
    expect(one('.wallet-terms').textContent).toContain('Un envoi à une personne')
  })

  it('pays by a press of its own: not by the second tap of a double tap, nor by the key that led here', async () => {
    const { phone, settle, one } = await atConfirm()
    await button().click({ force: true })
    await userEvent.keyboard('{Enter}')
    expect(phone.sdk.getTransactions()).toEqual([])
    await settle()
    // A key that is still held down: the browser would press the button by it, unless the page forbids that.
    const held = new KeyboardEvent('keydown', { key: 'Enter', repeat: true, bubbles: true, cancelable: true })
    expect(one('.molam-primary').dispatchEvent(held)).toBe(false)
    expect(phone.sdk.getTransactions()).toEqual([])
    await button().click()
    await expect.poll(() => phone.sdk.getTransactions().length).toBe(1)
  })

  it('pays once, however often it is pressed', async () => {
    const { phone, settle, one } = await atConfirm()
    await settle()
    const press = one('.molam-primary')
    press.click()
    press.click()
    press.click()
    await expect.poll(() => page.getByRole('button', { name: 'Terminer' }).elements().length).toBe(1)
    expect(phone.sdk.getTransactions()).toMatchObject([{ amount: 700, receiver: '+221770000009' }])
  })
})
