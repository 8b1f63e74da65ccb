import { beforeEach, describe, expect, it } from 'vitest'
import { cdp, page, userEvent } from 'vitest/browser'
import { Till } from '../../ui/till.tsx'
import { openPage, PAYER } from './page.tsx'

/** No payment without a press that was meant for it. */
let till: Till
let shown: Awaited<ReturnType<typeof openPage>>
const taken = () => till.sdk.getTransactions().length

beforeEach(async () => {
  await page.viewport(360, 640)
  till = await Till.open({ autoSync: false })
  shown = await openPage(till)
})

/** The key as a person holds it: down once, then again and again by itself (auto-repeat), then up. */
const enter = (how: 'down' | 'repeat' | 'up') =>
  cdp().send('Input.dispatchKeyEvent', {
    type: how === 'up' ? 'keyUp' : 'keyDown',
    ...{ key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r', autoRepeat: how === 'repeat' },
  })

/** An amount and a payer, gone back from: only the main buttons are left to press. */
async function typedAndBack() {
  await userEvent.keyboard('250{Enter}')
  await shown.noPhone()
  await userEvent.fill(page.getByLabelText('Compte du client'), PAYER)
  await page.getByRole('button', { name: 'Retour' }).click()
  await expect.element(page.getByRole('button', { name: 'Sans téléphone' })).toBeVisible()
  await page.getByRole('button', { name: 'Retour' }).click()
  await expect.element(page.getByRole('button', { name: 'Continuer' })).toBeVisible()
}

it('a double tap on "Continuer" takes nothing, and a tap on "Encaisser" after it takes one payment', async () => {
  await typedAndBack()
  const noPhone = page.getByRole('button', { name: 'Sans téléphone' })
  shown.main().click()
  await expect.element(noPhone).toBeVisible()
  shown.main().click()
  ;(noPhone.element() as HTMLElement).click()
  await expect.element(page.getByRole('button', { name: /^Encaisser/ })).not.toBeInTheDocument()
  expect(document.querySelector('dialog')).toBeNull()
  await shown.noPhone()
  shown.main().click()
  shown.main().click()
  await shown.settle()
  expect(taken()).toBe(0)
  await page.getByRole('button', { name: /^Encaisser/ }).click()
  await expect.poll(taken).toBe(1)
})

it('Enter held down goes one step and takes nothing, however long it is held', async () => {
  await typedAndBack()
  shown.one('h2').focus()
  await enter('down')
  await expect.element(page.getByRole('button', { name: 'Scanner la réponse' })).toBeVisible()
  await shown.settle()
  for (let repeats = 0; repeats < 5; repeats++) await enter('repeat')
  await enter('up')
  expect(document.querySelector('dialog')).toBeNull()
  const noPhone = page.getByRole('button', { name: 'Sans téléphone' }).element() as HTMLElement
  noPhone.focus()
  await enter('down')
  await expect.element(page.getByLabelText('Compte du client')).toHaveFocus()
  await shown.settle()
  for (let repeats = 0; repeats < 5; repeats++) await enter('repeat')
  await enter('up')
  expect(taken()).toBe(0)
  await userEvent.keyboard('{Enter}')
  await expect.poll(taken).toBe(1)
})

describe('the result', () => {
  beforeEach(async () => {
    await userEvent.keyboard('250{Enter}')
    await shown.noPhone()
    await userEvent.fill(page.getByLabelText('Compte du client'), PAYER)
    await shown.settle()
    await userEvent.keyboard('{Enter}')
    await expect.element(page.getByRole('button', { name: 'Nouveau paiement' })).toBeVisible()
  })

  it('is not dismissed by the second tap of a double tap, nor by the same Enter', async () => {
    shown.main().click()
    await userEvent.keyboard('{Enter}')
    await expect.element(page.getByRole('button', { name: 'Nouveau paiement' })).toBeVisible()
    await shown.settle()
    await userEvent.keyboard('{Enter}')
    await expect.element(page.getByRole('button', { name: 'Continuer' })).toBeVisible()
  })

  it('stays while another screen is in front of it, whatever Enter does there', async () => {
    await shown.settle()
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
    await expect.element(page.getByRole('heading', { name: 'Aujourd’hui' })).toBeVisible()
    shown.one('main').focus()
    await userEvent.keyboard('{Enter}')
    await page.getByRole('link', { name: 'Encaisser' }).click()
    await expect.element(page.getByRole('button', { name: 'Nouveau paiement' })).toBeVisible()
  })
})
