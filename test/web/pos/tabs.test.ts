import type { Page } from 'playwright'
import { expect, it } from 'vitest'
import { until } from '../../kit/journey.ts'
import { assertClean, fill, PAYERS, statuses, taken, useShop } from '../kit.ts'

/** The same till open twice: at the counter's tablet people do that, and a link opens a tab of its own. */
const DEVICE = 'POS-TABS-1'
const ROUNDS = 4
const amountOf = (round: number, tab: number) => 1000 * (tab + 1) + round
const shop = useShop()

it('two tabs that take and send at once never share a number, and every payment is posted once', async () => {
  const invitation = await shop().invite(DEVICE)
  // Both are opened by the link: one of them enrols the till, the other finds it enrolled.
  const tabs = await Promise.all([shop().open(invitation), shop().open(invitation)])
  const numbers: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(tabs.map((tab, at) => fill(tab, amountOf(round, at), PAYERS[at])))
    const instantMs = Date.now() + 300
    await Promise.all(tabs.map((tab) => pressAt(tab, instantMs)))
    const names = await Promise.all(tabs.map(taken))
    numbers.push(...names.map((localId) => Number(localId.slice(`${DEVICE}/`.length))))
  }
  expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, at) => at + 1))

  for (const tab of tabs) await tab.getByRole('link', { name: 'Aujourd’hui' }).click()
  for (const tab of tabs) {
    await until(async () => {
      await shop().sayYes()
      const shown = await statuses(tab)
      return shown.length === numbers.length && shown.every((status) => status === 'succeeded')
    })
    assertClean(tab)
  }
  const settled = await shop().settled(DEVICE)
  expect(settled.map(([counter, , transfers]) => [counter, transfers])).toEqual(numbers.map((_, at) => [at + 1, 1]))
  const amounts = tabs.flatMap((_, at) => Array.from({ length: ROUNDS }, (_, round) => amountOf(round, at)))
  expect(settled.map(([, amount]) => amount).toSorted((a, b) => a - b)).toEqual(amounts)
})

/** Presses "take" in the same millisecond as another tab does. */
const pressAt = (tab: Page, instantMs: number) =>
  tab.getByRole('button', { name: 'Encaisser' }).evaluate(
    (button, instantMs) =>
      new Promise<void>((pressed) => {
        const wait = () => {
          if (Date.now() < instantMs) return setTimeout(wait, 0)
          ;(button as HTMLButtonElement).click()
          pressed()
        }
        wait()
      }),
    instantMs,
  )
