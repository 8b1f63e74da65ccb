import type { PageOptions } from '../shared/door.ts'
import { Page } from '../shared/page.tsx'
import { DATABASE } from './database.ts'
import { forgetLock, isPresent } from './lock/presence.ts'
import { forgetGiven } from './mandate/given.ts'
import { Shell } from './shell.tsx'
import { MESSAGES } from './words/index.ts'

/** The phone of somebody who pays. */
export function App() {
  return (
    <Page page={WALLET} messages={MESSAGES}>
      {(phone, door, locale, words) => <Shell phone={phone} door={door} locale={locale} words={words} />}
    </Page>
  )
}

/** What the phone has beside its device: nothing. */
export const WALLET: PageOptions<object> = {
  base: '/wallet/',
  database: DATABASE,
  options: { userPresence: isPresent },
  around: () => ({}),
  forgotten: (deviceId) => {
    forgetGiven(deviceId)
    forgetLock()
  },
}
