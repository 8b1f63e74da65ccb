import { registerBackgroundSync } from '../../device/browser/index.ts'
import { type OpeningDevice, type PageOptions, SYNC_EVERY_MS } from '../shared/door.ts'
import { Page } from '../shared/page.tsx'
import { Carrying } from './carrying/carrying.ts'
import { openCarrier } from './carrying/open-carrier.ts'
import { DATABASE } from './database.ts'
import { Shell } from './shell.tsx'
import { forgetSeen } from './unseen/seen.ts'
import { MESSAGES } from './words/index.ts'

/** The merchant's till. */
export function App() {
  return (
    <Page page={TILL} messages={MESSAGES}>
      {(till, door, locale, words) => <Shell till={till} door={door} locale={locale} words={words} />}
    </Page>
  )
}

/** What the till is beside its device. */
export const TILL: PageOptions<{ readonly carrying: Carrying }> = {
  base: '/pos/',
  database: DATABASE,
  around: ({ device, sdk, serviceWorker }: OpeningDevice) => {
    const carrying = new Carrying({
      carrier: openCarrier(device),
      everyMs: SYNC_EVERY_MS,
      onWaiting: () => serviceWorker && void registerBackgroundSync(serviceWorker),
    })
    // A sync that reached the edge is the best sign of a network.
    sdk.on('sync', ({ status }) => status === 'done' && carrying.wake())
    return { carrying }
  },
  forgotten: forgetSeen,
}
