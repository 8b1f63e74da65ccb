import { expect } from 'vitest'
import { render } from 'vitest-browser-react'
import { doorOf } from '../../../src/web/shared/door.ts'
import { WALLET } from '../../../src/web/wallet/app.tsx'
import { Shell } from '../../../src/web/wallet/shell.tsx'
import { MESSAGES } from '../../../src/web/wallet/words/index.ts'
import '../../../src/web/wallet/styles/index.css'
import { DEVICE } from '../../device/sdk/edge.ts'
import type { Till } from '../../ui/till.tsx'

/** The whole page of a phone that is open, on a device of its own with its storage and its edge. */
export async function openPhone(phone: Till) {
  location.hash = '#/'
  const { sdk, timers } = phone
  const opened = { status: 'open', sdk, deviceId: DEVICE } as const
  const door = doorOf(WALLET, () => undefined)
  const screen = await render(<Shell phone={opened} door={door} locale="fr" words={MESSAGES.fr} timers={timers} />)
  const one = (selector: string) => {
    const found = screen.container.querySelector<HTMLElement>(selector)
    if (found === null) throw new Error(`nothing is ${selector}`)
    return found
  }
  return {
    ...screen,
    one,
    /** The step has stood long enough: a press on it counts. */
    settle: async () => {
      phone.timers.fire()
      await expect.poll(() => one('[data-pressable]').dataset['pressable']).toBe('true')
    },
  }
}
