import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { page } from 'vitest/browser'
import { DEVICE } from '../../device/sdk/edge.ts'
import { terms } from '../../device/sdk/rig.ts'
import { Till } from '../../ui/till.tsx'
import { openPage } from './page.tsx'

/** A payment that was taken and brings no money is not to be missed: the customer has left, and the next one is there. */
const DAY_MS = 86_400_000
const amounts = (text: string) => text.replaceAll(/\s/gu, ' ')

beforeEach(() => page.viewport(360, 740))
afterEach(() => localStorage.clear())

async function sold(...sums: readonly number[]) {
  const till = await Till.open({ autoSync: false })
  for (const amount of sums) await till.sdk.createOfflineTransaction(terms({ amount }))
  await till.sdk.syncNow()
  return till
}

async function end(till: Till, ...failed: readonly number[]) {
  for (const counter of failed) till.decide(counter, 'failed', 'insufficient_funds')
  await till.sdk.syncNow()
}

const bar = () => page.getByRole('link', { name: /non payé/ })
const barText = () => amounts(bar().element().textContent ?? '')
const follow = (name: string) => page.getByRole('link', { name, exact: true }).click()

describe('a payment that fails after the next customer has begun', () => {
  it('stands above every screen with count and sum, the one that takes payments too', async () => {
    const till = await sold(2_500, 700, 900)
    await openPage(till)
    expect(bar().elements()).toEqual([])
    await end(till, 1, 3)
    for (const screen of ['Encaisser', 'Aujourd’hui', 'Caisse']) {
      await follow(screen)
      await expect.poll(barText).toContain('2 paiements non payés : 3 400 F CFA')
    }
  })

  it('stands there after a reload and on another day, until its receipt was opened', async () => {
    const till = await sold(2_500, 700)
    await end(till, 1, 2)
    till.rig.timeMs += 2 * DAY_MS
    const first = await openPage(till)
    await bar().click()
    await expect.element(page.getByRole('heading', { name: 'Non payés, à voir' })).toBeVisible()
    await page.getByRole('button', { name: /N° 1/ }).click()
    await expect.element(page.getByRole('heading', { name: 'Reçu' })).toBeVisible()
    await expect.poll(barText).toContain('1 paiement non payé : 700 F CFA')
    await first.unmount()
    // What the first page had in memory is gone with it.
    await openPage(till)
    await expect.poll(barText).toContain('1 paiement non payé : 700 F CFA')
    await bar().click()
    await expect.element(page.getByRole('heading', { name: 'Reçu' })).toBeVisible()
    await expect.poll(() => bar().elements()).toEqual([])
  })

  it('is not seen on a page that nobody looks at', async () => {
    const till = await sold(2_500)
    await openPage(till)
    location.hash = `#/receipt/${DEVICE}/1`
    await expect.element(page.getByRole('heading', { name: 'Reçu' })).toBeVisible()
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })
    try {
      await end(till, 1)
      await expect.element(bar()).toBeVisible()
    } finally {
      Reflect.deleteProperty(document, 'visibilityState')
    }
    document.dispatchEvent(new Event('visibilitychange'))
    await expect.poll(() => bar().elements()).toEqual([])
  })

  it('can be put aside with all the others at once', async () => {
    const till = await sold(2_500, 700)
    await end(till, 1, 2)
    await openPage(till)
    await bar().click()
    await page.getByRole('button', { name: 'J’ai tout vu' }).click()
    await expect.element(page.getByText('Tout a été vu.')).toBeVisible()
    await expect.poll(() => bar().elements()).toEqual([])
  })

  it('that was settled and then given back stands there too', async () => {
    const till = await sold(2_500)
    till.decide(1, 'succeeded')
    await till.sdk.syncNow()
    await openPage(till)
    till.decide(1, 'reversed')
    await till.sdk.syncNow()
    await expect.poll(barText).toContain('1 paiement non payé : 2 500 F CFA')
  })
})

it('where nothing can be remembered, what was seen is shown again: too often, and never too seldom', async () => {
  const till = await sold(2_500)
  await end(till, 1)
  const { setItem } = Storage.prototype
  Storage.prototype.setItem = () => {
    throw new DOMException('no space', 'QuotaExceededError')
  }
  try {
    const first = await openPage(till)
    await bar().click()
    await expect.poll(() => bar().elements()).toEqual([])
    await first.unmount()
    await openPage(till)
    await expect.element(bar()).toBeVisible()
  } finally {
    Storage.prototype.setItem = setItem
  }
})
