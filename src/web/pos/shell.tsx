import { useEffect, useMemo, useRef } from 'react'
import type { Timers } from '../../device/sdk/index.ts'
import { type Locale, OfflinePaymentProvider, OfflineStatusBanner } from '../../ui/index.ts'
import { AppProvider } from '../shared/app-context.tsx'
import { ClaimsBar } from '../shared/claims/claims-bar.tsx'
import { ClaimsList } from '../shared/claims/claims-list.tsx'
import type { Door, Opened } from '../shared/door.ts'
import { Mark } from '../shared/mark.tsx'
import { Nav } from '../shared/nav.tsx'
import { UpdateNotice } from '../shared/update-notice.tsx'
import { useScreenTop } from '../shared/use-screen-top.ts'
import { CarriedList } from './carrying/carried-list.tsx'
import { CarriedOne } from './carrying/carried-one.tsx'
import { Carry } from './carrying/carry.tsx'
import type { Carrying } from './carrying/carrying.ts'
import { Device } from './device.tsx'
import { Receipt } from './receipt.tsx'
import { hrefOf, type Route, useRoute } from './route.ts'
import { Till } from './till/till.tsx'
import { TillProvider } from './till-context.tsx'
import { Today } from './today.tsx'
import { Seen } from './unseen/seen.ts'
import { UnseenBar } from './unseen/unseen-bar.tsx'
import { UnseenList } from './unseen/unseen-list.tsx'
import { WalletFault } from './wallet-fault.tsx'
import type { Messages } from './words/messages.ts'

interface ShellProps {
  readonly till: Extract<Opened<{ readonly carrying: Carrying }>, { status: 'open' }>
  readonly door: Door
  readonly locale: Locale
  readonly words: Messages
  /** Default: the page's own. */
  readonly timers?: Timers
}

/**
 * The open till: on a phone one screen at a time, on a tablet the amount pad with the day beside it. The pad stays mounted
 * everywhere, so that a half-typed amount survives a look at the list.
 */
export function Shell({ till, door, locale, words, timers }: ShellProps) {
  const { sdk, deviceId, carrying } = till
  const seen = useMemo(() => new Seen(deviceId), [deviceId])
  const route = useRoute()
  const panes = useRef<HTMLElement>(null)
  const href = hrefOf(route)
  useScreenTop(panes, href, `.pos-pane-${route.screen === 'till' ? 'till' : 'side'} h2`)
  useEffect(() => {
    document.title = `${titleOf(route.screen, words)} · ${words.title}`
  }, [route.screen, words])
  return (
    <OfflinePaymentProvider sdk={sdk} locale={locale} {...(timers && { timers })}>
      <AppProvider value={{ sdk, deviceId, door, words }}>
        <TillProvider value={{ sdk, deviceId, carrying, seen, words }}>
          <div className="app pos" data-screen={route.screen}>
            <header className="app-head">
              <Mark />
              <h1>{words.title}</h1>
            </header>
            <Navigation words={words} current={route.screen} />
            <div className="app-status">
              <ClaimsBar />
              <UnseenBar />
              <OfflineStatusBanner />
              <WalletFault />
              <UpdateNotice />
            </div>
            <main className="pos-panes" ref={panes} tabIndex={-1}>
              <div className="pos-pane pos-pane-till">
                <Till />
              </div>
              {/* Another one for each place, which thereby starts at its top. */}
              <div className="pos-pane pos-pane-side" key={href}>
                <Side route={route} />
              </div>
            </main>
          </div>
        </TillProvider>
      </AppProvider>
    </OfflinePaymentProvider>
  )
}

function titleOf(screen: Route['screen'], words: Messages): string {
  return screen === 'till' ? words.nav.till : words[screen].title
}

function Side({ route }: { readonly route: Route }) {
  switch (route.screen) {
    case 'till':
    case 'today':
      return <Today />
    case 'receipt':
      return <Receipt key={route.localId} localId={route.localId} />
    case 'unseen':
      return <UnseenList />
    case 'claims':
      return <ClaimsList upTo={hrefOf({ screen: 'today' })} />
    case 'carry':
      return <Carry />
    case 'carried':
      return route.id === undefined ? <CarriedList /> : <CarriedOne key={route.id} id={route.id} />
    case 'device':
      return <Device />
  }
}

const PLACES = {
  till: 'M5 5h14v14H5zM9 9h.01M12 9h.01M15 9h.01M9 12h.01M12 12h.01M15 12h.01M9 15h.01M12 15h.01M15 15h.01',
  today: 'M6 3h12v18l-3-2-3 2-3-2-3 2V3ZM9 8h6M9 12h6',
  device: 'M4 6h16M4 12h16M4 18h16M9 4v4M15 10v4M8 16v4',
} as const

function Navigation({ words, current }: { readonly words: Messages; readonly current: Route['screen'] }) {
  const place = current === 'till' || current === 'device' ? current : 'today'
  const places = (['till', 'today', 'device'] as const).map((screen) => ({
    href: hrefOf({ screen }),
    text: words.nav[screen],
    path: PLACES[screen],
    isCurrent: screen === place,
  }))
  return <Nav label={words.nav.label} places={places} />
}
