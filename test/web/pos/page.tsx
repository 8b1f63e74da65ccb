import { expect } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-react'
import type { Locale } from '../../../src/ui/index.ts'
import { TILL } from '../../../src/web/pos/app.tsx'
import { Carrying } from '../../../src/web/pos/carrying/carrying.ts'
import { openCarrier } from '../../../src/web/pos/carrying/open-carrier.ts'
import { Shell } from '../../../src/web/pos/shell.tsx'
import { MESSAGES } from '../../../src/web/pos/words/index.ts'
import { Crash } from '../../../src/web/shared/crash.tsx'
import { doorOf } from '../../../src/web/shared/door.ts'
import '../../../src/web/pos/styles/index.css'
import { API, DEVICE } from '../../device/sdk/edge.ts'
import type { Till } from '../../ui/till.tsx'

export const PAYER = '+221770000001'

/** The whole page of a till that is open, on a device of its own with its storage and its edge. */
export async function openPage(till: Till, { locale = 'fr' as Locale } = {}) {
  location.hash = '#/'
  const carrying = new Carrying({
    carrier: openCarrier({ deviceId: DEVICE, apiUrl: API }),
    everyMs: 10_000,
    onWaiting: () => undefined,
  })
  const { sdk, timers } = till
  const words = MESSAGES[locale]
  const door = doorOf(TILL, () => undefined)
  const opened = { status: 'open', sdk, deviceId: DEVICE, carrying } as const
  const screen = await render(
    <Crash words={words}>
      <Shell till={opened} door={door} locale={locale} words={words} timers={timers} />
    </Crash>,
  )
  const one = (selector: string) => {
    const found = screen.container.querySelector<HTMLElement>(selector)
    if (found === null) throw new Error(`nothing is ${selector}`)
    return found
  }
  /** The step has stood long enough: a press on it counts. */
  const settle = async () => {
    till.timers.fire()
    await expect.poll(() => one('[data-pressable]').dataset['pressable']).toBe('true')
  }
  return {
    ...screen,
    text: () => screen.container.textContent ?? '',
    one,
    /** The main button of the step. */
    main: () => one('.molam-primary'),
    settle,
    /** From what the customer would scan to the account that is typed. */
    noPhone: async () => {
      await expect.element(page.getByRole('button', { name: 'Sans téléphone' })).toBeVisible()
      await settle()
      await page.getByRole('button', { name: 'Sans téléphone' }).click()
      await expect.element(page.getByLabelText('Compte du client')).toBeVisible()
    },
  }
}
