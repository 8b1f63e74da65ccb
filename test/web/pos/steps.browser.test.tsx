import { beforeEach, describe, expect, it } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import type { Policy } from '../../../src/protocol/policy.ts'
import { terms } from '../../device/sdk/rig.ts'
import { Till } from '../../ui/till.tsx'
import { openPage, PAYER } from './page.tsx'

/** What the steps of a payment say before anybody is asked to pay, and when it cannot be taken. */
const DAY_MS = 86_400_000
const amounts = (text: string) => text.replaceAll(/\s/gu, ' ')

beforeEach(() => page.viewport(360, 740))

async function opened(policy: Partial<Policy> = {}, before: (till: Till) => Promise<unknown> = async () => undefined) {
  const till = await Till.open({ autoSync: false })
  till.rig.edge.policy = { ...till.rig.edge.policy, ...policy, version: 2 }
  await till.sdk.syncNow()
  await before(till)
  return { till, ...(await openPage(till)) }
}

describe('a till that will take nothing says so before an amount is asked for, and goes no further', () => {
  it.each([
    ['the number of the day is reached', { maxOfflinePerDevicePerDay: 1 }, take, 'Le nombre de paiements du jour'],
    ['the amount of the day is reached', { maxOfflineValuePerDevicePerDay: 2500 }, take, 'Le montant du jour'],
    ['payments are suspended', { enabled: false }, undefined, 'Les paiements hors ligne sont suspendus.'],
    ['the last sync is too long ago', {}, overdue, 'Connectez la caisse à Internet avant d’encaisser'],
    ['it is blocked', {}, suspended, 'Cette caisse est bloquée'],
  ] as const)('%s', async (_, policy, before, why) => {
    const { one, main, text } = await opened(policy, before)
    await expect.poll(() => amounts(one('.app-amount-step [role=alert]').textContent ?? '')).toContain(why)
    expect(text()).not.toContain('Reste ce jour')
    await userEvent.keyboard('100{Enter}')
    main().click()
    expect(main().getAttribute('aria-disabled')).toBe('true')
    await expect.element(page.getByRole('button', { name: 'Continuer' })).toBeVisible()
  })
})

it('an amount above what is left of the day is refused while it is keyed in', async () => {
  const { one } = await opened({ maxOfflineValuePerDevicePerDay: 4_000 }, take)
  await userEvent.keyboard('1501')
  await expect
    .poll(() => amounts(one('[role=alert]').textContent ?? ''))
    .toBe('Il reste 1 500 F CFA à encaisser aujourd’hui.')
  await userEvent.keyboard('{Backspace}0{Enter}')
  await expect.element(page.getByRole('button', { name: 'Sans téléphone' })).toBeVisible()
})

it('a limit of yesterday holds no longer once the day is over, without anything happening on the device', async () => {
  const { till, one } = await opened({ maxOfflinePerDevicePerDay: 1 }, take)
  await expect.element(page.getByText('Le nombre de paiements du jour est atteint.')).toBeVisible()
  till.rig.timeMs += DAY_MS
  document.dispatchEvent(new Event('visibilitychange'))
  await expect.poll(() => one('.app-hint').textContent).toContain('1 paiement')
})

it('a payment that is not complete leads to what is missing, and says it aloud', async () => {
  const { settle, main, noPhone } = await opened({ requireAgentApprovalAbove: 5_000 })
  await userEvent.keyboard('6000{Enter}')
  await noPhone()
  const payer = page.getByLabelText('Compte du client')
  await settle()
  main().focus()
  await userEvent.keyboard('{Enter}')
  await expect.element(payer).toHaveFocus()
  const said = () =>
    page
      .getByRole('alert')
      .elements()
      .map((alert) => alert.textContent)
  expect(said()).toEqual(['Le compte du client manque.', 'L’accord de l’agent manque.'])
  await userEvent.fill(payer, 'deux mots')
  expect(said()[0]).toContain('Un compte a de 1 à 64')
  await userEvent.fill(payer, PAYER)
  main().click()
  await expect.element(page.getByLabelText('Accord signé de l’agent')).toHaveFocus()
})

it('the same payment a moment later is asked about, by the time of the first one and by the device’s own clock', async () => {
  const { till, settle, main, noPhone } = await opened({}, take)
  // The phone's own clock is wrong by hours; the edge has corrected it.
  till.rig.wallOffsetMs = -3 * 3_600_000
  await till.sdk.syncNow()
  await userEvent.keyboard('2500{Enter}')
  await noPhone()
  await userEvent.fill(page.getByLabelText('Compte du client'), PAYER)
  await expect.element(page.getByText(/de ce client est déjà noté à 09:00/)).toBeVisible()
  await settle()
  main().click()
  await expect.element(page.getByRole('checkbox')).toHaveFocus()
  expect(till.sdk.getTransactions()).toHaveLength(1)
})

it('a key that no amount has says so, and what is typed after it makes no other amount', async () => {
  const { one, main } = await opened()
  await userEvent.keyboard('25.50{Enter}')
  await expect.poll(() => amounts(one('.app-hint[role=alert]').textContent ?? '')).toContain('« . » ne compte pas ici')
  expect(amounts(one('output').textContent ?? '')).toBe('25 F CFA')
  expect(main().getAttribute('aria-disabled')).toBe('true')
  await userEvent.keyboard('{Backspace}00{Enter}')
  await expect.element(page.getByRole('button', { name: 'Sans téléphone' })).toBeVisible()
  expect(amounts(one('.pos-ask .app-display').textContent ?? '')).toBe('2 500 F CFA')
})

it('a number is shown as people write it, and a code that is no account is refused while the customer is there', async () => {
  const { till, settle, one, main, text, noPhone } = await opened()
  await userEvent.keyboard('500{Enter}')
  await noPhone()
  const payer = page.getByLabelText('Compte du client')
  await userEvent.fill(payer, 'WIFI:T:WPA;P:secret;;')
  await expect.element(page.getByText('C’est un lien ou un code Wi-Fi, pas un compte.')).toBeVisible()
  await userEvent.fill(payer, '+229 97 00 00 01')
  await settle()
  main().click()
  await expect.element(page.getByText(/^C’est un ancien numéro à 8 chiffres/)).toBeVisible()
  expect(till.sdk.getTransactions()).toEqual([])
  await userEvent.fill(payer, '00221770000001')
  expect(amounts(one('.app-means').textContent ?? '')).toBe('Numéro : +221 77 000 00 01')
  main().click()
  await expect.poll(() => till.sdk.getTransactions().map(({ sender }) => sender)).toEqual(['+221770000001'])
  expect(text()).not.toContain('secret')
})

it('a payment that does not get its turn can be given up, and is not taken behind the customer’s back', async () => {
  const frozen = Promise.withResolvers<void>()
  let isHeld = false
  const till = await Till.open({
    autoSync: false,
    exclusive: async (_, run) => {
      if (isHeld) await frozen.promise
      return run()
    },
  })
  const { settle, main, noPhone } = await openPage(till)
  await userEvent.keyboard('500{Enter}')
  await noPhone()
  await userEvent.fill(page.getByLabelText('Compte du client'), PAYER)
  await settle()
  isHeld = true
  main().click()
  await expect.poll(() => till.timers.delaysMs).toContain(5_000)
  till.timers.fireOnly(5_000)
  await page.getByRole('button', { name: 'Renoncer à ce paiement' }).click()
  const alert = page.getByRole('alert')
  await expect.element(alert).toMatchTextContent('Paiement non enregistré. Personne n’a été débité.')
  await expect.element(alert).toMatchTextContent('Fermez toutes les fenêtres')
  frozen.resolve()
  isHeld = false
  await till.sdk.syncNow()
  expect(till.sdk.getTransactions()).toEqual([])
})

async function take({ sdk }: Till) {
  await sdk.createOfflineTransaction(terms())
}

async function overdue({ rig }: Till) {
  rig.timeMs += 5 * DAY_MS
}

async function suspended(till: Till) {
  const { rig, sdk } = till
  await take(till)
  rig.edge.status = 'suspended'
  await sdk.syncNow()
}
