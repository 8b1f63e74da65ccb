import { expect, it } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { OfflineError } from '../../src/device/sdk/index.ts'
import { OfflinePaymentButton, OfflineTransactionList } from '../../src/ui/index.ts'
import { terms } from '../device/sdk/rig.ts'
import { Till } from './till.tsx'

/** What only a settled payment may have. */
const looksFinal = (root: Element) =>
  root.querySelector('[data-status="succeeded"], .molam-icon-disc') !== null ||
  [...root.querySelectorAll('.molam-badge')].some((badge) => badge.textContent === 'Payé')

it('a payment never looks paid before its verified outcome: not on the device, not at the server', async () => {
  const till = await Till.open()
  const { container, text } = await till.show(
    <>
      <OfflinePaymentButton terms={terms()} />
      <OfflineTransactionList />
    </>,
  )
  await page.getByRole('button', { name: /Encaisser/ }).click()
  const row = page.getByRole('listitem')
  await expect.element(row).toHaveAttribute('data-status', 'pending_offline')
  await expect.element(row).toMatchTextContent('En attente d’envoi')
  expect(text()).toContain('Gardé sur cet appareil. Pas encore payé.')
  expect(looksFinal(container)).toBe(false)

  await till.sdk.syncNow()
  await expect.element(row).toHaveAttribute('data-status', 'pending')
  expect(text()).toContain('Le serveur l’a reçu. Pas encore payé.')
  expect(looksFinal(container)).toBe(false)

  till.decide(1, 'succeeded')
  await till.sdk.syncNow()
  await expect.element(row).toHaveAttribute('data-status', 'succeeded')
  await expect.element(row).toMatchTextContent('Payé')
  expect(text()).toContain('Réglé\u00a0: l’argent est arrivé.')
  expect(looksFinal(container)).toBe(true)
})

it('a void that came too late is said for what it is, also where the payment is said to be paid', async () => {
  const till = await Till.open()
  const { counter } = await till.sdk.createOfflineTransaction(terms())
  const payment = till.sdk.getTransaction('POS-001/1')
  if (payment === undefined) throw new Error('the payment is taken')
  const {
    localId: _,
    status: _s,
    expected: _e,
    receipted: _r,
    guarantee: _g,
    refunded: _d,
    refundable: _b,
    ...told
  } = payment
  await till.sdk.voidTransaction(counter)
  till.rig.edge.bring(told)
  await till.sdk.syncNow()
  await till.show(<OfflineTransactionList />)
  const row = page.getByRole('listitem')
  await expect.element(row).toMatchTextContent('Annulé trop tard')
  await expect.element(row).not.toMatchTextContent('déjà été enregistré')
  till.decide(1, 'succeeded')
  await till.sdk.syncNow()
  await expect.element(row).toHaveAttribute('data-status', 'succeeded')
  await expect.element(row).toMatchTextContent('Annulé trop tard')
})

it('an answer that the edge did not sign changes nothing on the screen', async () => {
  const till = await Till.open()
  await till.sdk.createOfflineTransaction(terms())
  await till.show(<OfflineTransactionList />)
  till.rig.edge.weather = 'portal'
  await till.sdk.syncNow()
  await expect.element(page.getByRole('listitem')).toHaveAttribute('data-status', 'pending_offline')
})

it('a failed payment says why', async () => {
  const till = await Till.open()
  await till.sdk.createOfflineTransaction(terms())
  await till.sdk.syncNow()
  till.decide(1, 'failed', 'insufficient_funds')
  await till.sdk.syncNow()
  await till.show(<OfflineTransactionList />)
  await expect.element(page.getByText('Échoué')).toBeVisible()
  await expect.element(page.getByText('Le solde du payeur ne suffit pas.')).toBeVisible()
})

it('taps in quick succession take one payment, and the next one is taken only after "new payment"', async () => {
  const till = await Till.open()
  const { container } = await till.show(<OfflinePaymentButton terms={terms()} />)
  const button = container.querySelector('button')
  // In one frame, as a bouncing touch screen does.
  button?.click()
  button?.click()
  await expect.element(page.getByText(/Noté hors ligne/)).toBeVisible()
  button?.click()
  button?.click()
  await page.getByRole('button', { name: 'Nouveau paiement' }).click()
  expect(till.sdk.getTransactions()).toHaveLength(1)
  await page.getByRole('button', { name: /Encaisser/ }).click()
  await expect.element(page.getByText(/Noté hors ligne/)).toBeVisible()
  expect(till.sdk.getTransactions()).toHaveLength(2)
})

it.each([
  ['payment', 100_001, {}, /Un paiement hors ligne va jusqu’à 100\u202f000\u00a0F\u202fCFA\./],
  [
    'day',
    2_500,
    { maxOfflineValuePerDevicePerDay: 4_000 },
    /Il reste 1\u202f500\u00a0F\u202fCFA à encaisser aujourd’hui, sur 4\u202f000\u00a0F\u202fCFA par jour\./,
  ],
  ['count of the day', 2_500, { maxOfflinePerDevicePerDay: 1 }, /La limite de 1 paiements? par jour est atteinte\./],
])('above the limit of the %s nothing is taken, and the limit is named', async (_name, amount, policy, message) => {
  const till = await Till.open()
  till.rig.edge.policy = { ...till.rig.edge.policy, ...policy, version: 2 }
  await till.sdk.createOfflineTransaction(terms())
  await till.sdk.syncNow()
  await till.show(<OfflinePaymentButton terms={terms({ amount })} />)
  await page.getByRole('button', { name: /Encaisser/ }).click()
  const alert = page.getByRole('alert')
  await expect.element(alert).toMatchTextContent('Paiement non enregistré. Personne n’a été débité.')
  expect(alert.element().textContent).toMatch(message)
  expect(till.sdk.getTransactions()).toHaveLength(1)
})

it('an error that comes after the payment is on disk does not offer to take it again', async () => {
  const till = await Till.open()
  const { container, text } = await till.show(<OfflinePaymentButton terms={terms()} />)
  const take = till.sdk.createOfflineTransaction.bind(till.sdk)
  till.sdk.createOfflineTransaction = async (wanted) => {
    await take(wanted)
    throw new OfflineError('storage_failed', { money: 'kept_on_device' })
  }
  const button = container.querySelector('button')
  button?.click()
  await expect.poll(text).toContain('Rien n’est perdu')
  expect(button?.getAttribute('aria-disabled')).toBe('true')
  button?.click()
  await page.getByRole('button', { name: 'Nouveau paiement' }).click()
  await expect.poll(() => button?.getAttribute('aria-disabled')).toBe('false')
  expect(till.sdk.getTransactions()).toHaveLength(1)
})

it('a full disk is told as a payment that was not taken', async () => {
  const till = await Till.open()
  await till.show(<OfflinePaymentButton terms={terms()} />)
  till.rig.storage.setItem = async () => {
    throw new DOMException('no space', 'QuotaExceededError')
  }
  await page.getByRole('button', { name: /Encaisser/ }).click()
  const alert = page.getByRole('alert')
  await expect.element(alert).toMatchTextContent('Paiement non enregistré. Personne n’a été débité.')
  await expect.element(alert).toMatchTextContent('Libérez de la place sur l’appareil.')
  await expect.element(alert).toMatchTextContent('storage_full')
  expect(till.sdk.getTransactions()).toHaveLength(0)
})

it('the keyboard alone takes a payment, and the focus stays on the button', async () => {
  const till = await Till.open()
  const { container } = await till.show(<OfflinePaymentButton terms={terms()} />)
  await userEvent.tab()
  const button = container.querySelector('button')
  expect(document.activeElement).toBe(button)
  expect(button && getComputedStyle(button).outlineStyle).toBe('solid')
  await userEvent.keyboard('{Enter}')
  await expect.element(page.getByText(/Noté hors ligne/)).toBeVisible()
  expect(document.activeElement).toBe(button)
  expect(till.sdk.getTransactions()).toHaveLength(1)
})

it('terms that are not complete cannot be taken', async () => {
  const till = await Till.open()
  for (const incomplete of [undefined, terms({ amount: 0 }), terms({ amount: Number.NaN }), terms({ amount: 2.5 })]) {
    const { container, unmount } = await till.show(<OfflinePaymentButton terms={incomplete} />)
    const button = container.querySelector('button')
    expect(button?.getAttribute('aria-disabled')).toBe('true')
    button?.click()
    await unmount()
  }
  expect(till.sdk.getTransactions()).toHaveLength(0)
})

it('the list shows the newest first, a page at a time, and its rows can be chosen', async () => {
  const till = await Till.open()
  for (let i = 0; i < 60; i++) await till.sdk.createOfflineTransaction(terms({ amount: 100 + i }))
  const chosen: number[] = []
  await till.show(<OfflineTransactionList onSelect={({ counter }) => chosen.push(counter)} />)
  await expect.element(page.getByRole('listitem').first()).toMatchTextContent('N° 60')
  expect(page.getByRole('listitem').elements()).toHaveLength(50)
  await page.getByRole('button', { name: 'Afficher 10 de plus' }).click()
  expect(page.getByRole('listitem').elements()).toHaveLength(60)
  await page.getByRole('listitem').first().getByRole('button').click()
  expect(chosen).toEqual([60])
})

it('payments stand below the day that they are of, in the zone of the policy, and the list has the name that it is given', async () => {
  const till = await Till.open()
  till.rig.timeMs = Date.UTC(2026, 10, 22, 23, 50)
  await till.sdk.createOfflineTransaction(terms({ amount: 100 }))
  till.rig.timeMs += 20 * 60_000
  for (const amount of [200, 300]) await till.sdk.createOfflineTransaction(terms({ amount }))
  const { container } = await till.show(<OfflineTransactionList title="Cette semaine" />)
  expect(page.getByRole('region', { name: 'Cette semaine' }).elements()).toHaveLength(1)
  const days = [...container.querySelectorAll('.molam-day')].map((day) => [
    day.querySelector('h3')?.textContent,
    [...day.querySelectorAll('.molam-amount')].map((amount) => Number.parseInt(amount.textContent ?? '', 10)),
  ])
  expect(days).toEqual([
    ['lundi 23 novembre', [300, 200]],
    ['dimanche 22 novembre', [100]],
  ])
})
