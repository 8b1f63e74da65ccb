import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { page } from 'vitest/browser'
import type { Claim } from '../../../src/protocol/claims.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { claimAt } from '../../device/sdk/rig.ts'
import { Till } from '../../ui/till.tsx'
import { openPage } from './page.tsx'

/** Somebody asks for money out of the wallet of this device's owner. Nothing may be paid by a press that was not meant. */
beforeEach(() => page.viewport(360, 740))
afterEach(() => localStorage.clear())

async function asked(...over: readonly Partial<Claim>[]) {
  const till = await Till.open({ autoSync: false })
  till.rig.edge.claims = over.map((one, index) => claimAt(till.rig.timeMs, index + 1, one))
  await till.sdk.syncNow()
  return { till, ...(await openPage(till)) }
}

const bar = () => page.getByRole('link', { name: /votre oui/ })
const press = (name: string | RegExp) => page.getByRole('button', { name }).click()
const cards = () => page.getByRole('article').elements().length
const said = (till: Till) => till.rig.edge.answers.map(({ answer }) => [answer.counter, answer.choice])

/** Whether a finger in the middle of it hits it: nothing lies over it, such as the navigation. */
function isUncovered(shown: Element): boolean {
  const { left, top, width, height } = shown.getBoundingClientRect()
  return document.elementFromPoint(left + width / 2, top + height / 2) === shown
}

describe('a payment that waits for the holder of this wallet', () => {
  it('stands above every screen with count and sum, until it is answered', async () => {
    const { till } = await asked({}, { amount: amountMinor(700) })
    for (const screen of ['Encaisser', 'Aujourd’hui', 'Caisse']) {
      await page.getByRole('link', { name: screen, exact: true }).click()
      await expect
        .poll(() => bar().element().textContent?.replaceAll(/\s/gu, ' '))
        .toContain('2 paiements attendent votre oui : 3 200 F CFA')
    }
    till.rig.edge.claims = []
    await till.sdk.syncNow()
    await expect.poll(() => bar().elements()).toEqual([])
  })

  it('shows how much, for whom and until when, and is paid by the second press alone', async () => {
    const { till, settle, text } = await asked({ receiver: 'W-SN-M900' }, { amount: amountMinor(700) })
    await bar().click()
    await expect.poll(cards).toBe(2)
    expect(text()).toContain('W-SN-M900')
    expect(text()).toContain('POS-9/1')
    await page.getByRole('button', { name: 'Oui, payer' }).first().click()
    const pays = page.getByRole('button', { name: /Payer 2/ })
    expect(isUncovered(pays.element())).toBe(true)
    // The second tap of a double tap.
    await pays.click({ force: true })
    expect(said(till)).toEqual([])
    await settle()
    await press(/Payer 2/)
    await expect.poll(cards).toBe(1)
    expect(said(till)).toEqual([[1, 'confirm']])
    await expect.element(page.getByText(/^Vous avez dit oui/)).toBeVisible()
  })

  it('is refused the same way, and nothing stands above the screens any more', async () => {
    const { till, settle } = await asked({})
    await bar().click()
    await press('Non')
    await settle()
    await press(/Ne pas payer/)
    await expect.element(page.getByText(/^Vous avez dit non/)).toBeVisible()
    expect(said(till)).toEqual([[1, 'refuse']])
    expect(bar().elements()).toEqual([])
  })

  it('can be left: whoever goes back has said nothing', async () => {
    const { till, settle } = await asked({})
    await bar().click()
    await press('Oui, payer')
    await settle()
    await press('Retour')
    await expect.element(page.getByRole('button', { name: 'Oui, payer' })).toBeVisible()
    expect(said(till)).toEqual([])
  })

  it('stays when the answer does not come through, and takes the same one again', async () => {
    const { till, settle } = await asked({})
    await bar().click()
    till.rig.edge.faults = ['lost']
    await press('Oui, payer')
    await settle()
    await press(/Payer 2/)
    await expect.element(page.getByRole('alert').getByText('network_failed')).toBeVisible()
    await press('Oui, payer')
    await settle()
    await press(/Payer 2/)
    await expect.element(page.getByText(/^Vous avez dit oui/)).toBeVisible()
    expect(said(till)).toEqual([[1, 'confirm']])
  })

  it('says that another answer of the same device was first', async () => {
    const { till, settle } = await asked({})
    await bar().click()
    const other = await till.rig.started()
    await other.answerClaim('POS-9/1', 'refuse')
    await press('Oui, payer')
    await settle()
    await press(/Payer 2/)
    await expect.element(page.getByText(/^L’autre réponse/)).toBeVisible()
    expect(said(till)).toEqual([[1, 'refuse']])
  })
})
