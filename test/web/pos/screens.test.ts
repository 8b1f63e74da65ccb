import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { openExport } from '../../../src/device/sdk/index.ts'
import { assertClean, fill, look, PAYERS, take, useShop } from '../kit.ts'

/** The screens that a merchant comes across on other days; each is looked at by axe, and kept as a picture. */
const DEVICE = 'POS-SCREENS-1'
const shop = useShop()

describe('a till', () => {
  let page: Page

  it('without an invitation asks for id and code, in a language of choice, and says that a wrong code is wrong', async () => {
    page = await shop().open(`${shop().stack.edge.url}/pos/`)
    await page.getByText('English', { exact: true }).click()
    await page.getByRole('heading', { name: 'Put this till into service' }).waitFor()
    await page.getByText('Français', { exact: true }).click()
    await page.getByLabel('Identifiant de la caisse').fill(DEVICE)
    await page.getByLabel('Code', { exact: true }).fill('0000-0000-0000-0000')
    await page.getByRole('button', { name: 'Mettre en service' }).click()
    await page.getByRole('alert').waitFor()
    await look(page, '10-enrol-refused')
    await page.close()
  })

  it('says above the limit that the customer’s own phone is needed', async () => {
    page = await shop().open(await shop().invite(DEVICE))
    await page.getByRole('button', { name: 'Continuer' }).waitFor()
    await page.keyboard.type('10001')
    await page.keyboard.press('Enter')
    await page.getByText('le client paie avec son téléphone').waitFor()
    expect(await page.getByRole('button', { name: 'Sans téléphone' }).count()).toBe(0)
    await look(page, '12-phone-only')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await take(page, 500)
  })

  it('refuses more than the policy allows before anybody is asked to pay', async () => {
    await page.keyboard.type('100001')
    await page.getByText('Hors ligne, un paiement ne dépasse pas').waitFor()
    await page.keyboard.press('Enter')
    expect(await page.getByLabel('Compte du client').count()).toBe(0)
    await look(page, '13-too-much')
    await page.keyboard.press('Escape')
  })

  it('asks whether the same payment a moment later is another one', async () => {
    await take(page, 300)
    await fill(page, 300)
    await page.keyboard.press('Enter')
    await look(page, '14-again')
    expect(await page.getByRole('button', { name: 'Nouveau paiement' }).count()).toBe(0)
    await page.getByRole('checkbox').check()
    await page.getByRole('button', { name: 'Encaisser' }).click()
    await page.getByRole('button', { name: 'Nouveau paiement' }).click()
  })

  it('shows a payment that failed as failed, with the reason', async () => {
    await take(page, 9_000, 'W-SN-C999')
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
    await page.getByText('Échoué', { exact: true }).waitFor()
    await look(page, '15-failed')
    await page.getByRole('link', { name: 'Encaisser' }).click()
    await page.getByText('1 paiement non payé').waitFor()
    await look(page, '15-unseen')
    await page.reload()
    await page.getByRole('link', { name: /1 paiement non payé/ }).click()
    await page.getByRole('heading', { name: 'Reçu' }).waitFor()
    await page.getByText('1 paiement non payé').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
  })

  it('voids a payment that never left it, when asked twice', async () => {
    await shop().context.setOffline(true)
    await page.getByRole('link', { name: 'Encaisser' }).click()
    await take(page, 4_200, PAYERS[1])
    // A bundle that was sealed may have left the till, so the first payment stands; the second one waits behind it.
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
    await page.getByText('Pas de connexion au serveur').waitFor()
    await page.getByRole('link', { name: 'Encaisser' }).click()
    await take(page, 800, PAYERS[1])
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
    await page.locator('.molam-row button').first().click()
    await page.getByText('Reçu provisoire').waitFor()
    await look(page, '16-provisional')
    const settling = page.getByRole('region', { name: 'État de l’appareil' }).getByText('règlement')
    const before = await settling.allTextContents()
    await page.getByRole('button', { name: 'Annuler ce paiement' }).click()
    await page.getByRole('button', { name: 'Annuler vraiment' }).click()
    await page.getByText('Annulé', { exact: true }).waitFor()
    expect(await settling.allTextContents()).toEqual(before)
  })

  it('cannot be removed while payments are on it alone, and saves them as a file that nobody can read', async () => {
    await page.getByRole('link', { name: 'Caisse', exact: true }).click()
    await page.getByText('que sur ce téléphone').waitFor()
    await page.getByText('Oui : la caisse est sur ce téléphone.').waitFor()
    const leave = page.getByRole('button', { name: 'Retirer', exact: true })
    expect(await leave.getAttribute('aria-disabled')).toBe('true')
    await leave.click({ force: true })
    expect(await leave.textContent()).toBe('Retirer')
    await look(page, '17-device')
    await page.getByLabel('Phrase secrète').first().fill('douze lettres au moins')
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Enregistrer le fichier' }).click(),
    ])
    expect(file.suggestedFilename()).toBe(`${DEVICE}.molam`)
    const saved = await readFile(await file.path())
    expect(saved.includes('4200')).toBe(false)
    expect((await openExport(saved, 'douze lettres au moins'))?.payments).toMatchObject([
      { amount: 4_200, sender: PAYERS[1] },
      { voided: true },
    ])
    // Leaving makes the file too, and waits until the person has it.
    await page.getByLabel('Phrase secrète').last().fill('douze lettres en tout')
    const [taken] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Enregistrer un fichier et retirer' }).click(),
    ])
    const handedOver = await openExport(await readFile(await taken.path()), 'douze lettres en tout')
    expect(handedOver?.payments).toMatchObject([{ amount: 4_200 }, { voided: true }])
    await page.getByRole('button', { name: 'Garder cette caisse' }).click()
    await page.getByRole('button', { name: 'Enregistrer un fichier et retirer' }).waitFor()
    expect(await leave.getAttribute('aria-disabled')).toBe('true')
    await shop().context.setOffline(false)
  })

  it.each(['en', 'wo'] as const)('speaks %s, light and dark', async (locale) => {
    await page.getByText(locale === 'en' ? 'English' : 'Wolof', { exact: true }).click()
    await look(page, `18-device-${locale}`)
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('.app-nav a').nth(1).click()
    await look(page, `18-today-${locale}-dark`)
    await page.locator('.app-nav a').nth(2).click()
    await page.emulateMedia({ colorScheme: 'light' })
  })

  it('has the pad and the day side by side on a tablet', async () => {
    await page.getByText('Français', { exact: true }).click()
    await page.setViewportSize({ width: 1180, height: 820 })
    await page.getByRole('link', { name: 'Encaisser' }).click()
    await page.keyboard.type('12500')
    await look(page, '19-tablet')
    await page.emulateMedia({ colorScheme: 'dark' })
    await look(page, '19-tablet-dark')
    assertClean(page)
  })
})
