import { useEffect, useRef } from 'react'
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
import { Aside } from './aside/aside.tsx'
import { Allow } from './consent/allow.tsx'
import { Consent } from './consent/consent.tsx'
import { History } from './history/history.tsx'
import { OwnPayment } from './history/own-payment.tsx'
import { Home } from './home/home.tsx'
import { Lost } from './lost.tsx'
import { Mandate } from './mandate/mandate.tsx'
import { Pay } from './pay/pay.tsx'
import { Phone } from './phone.tsx'
import { Receive } from './receive/receive.tsx'
import { hrefOf, type Route, useRoute } from './route.ts'
import { WalletProvider } from './wallet-context.tsx'
import type { Messages } from './words/messages.ts'

interface ShellProps {
  readonly phone: Extract<Opened<object>, { status: 'open' }>
  readonly door: Door
  readonly locale: Locale
  readonly words: Messages
  /** Default: the page's own. */
  readonly timers?: Timers
}

/** The open phone, one screen at a time. */
export function Shell({ phone, door, locale, words, timers }: ShellProps) {
  const { sdk, deviceId } = phone
  const route = useRoute()
  const main = useRef<HTMLElement>(null)
  const href = hrefOf(route)
  useScreenTop(main, href, 'h2')
  useEffect(() => {
    document.title = `${titleOf(route.screen, words)} · ${words.title}`
  }, [route.screen, words])
  return (
    <OfflinePaymentProvider sdk={sdk} locale={locale} {...(timers && { timers })}>
      <AppProvider value={{ sdk, deviceId, door, words }}>
        <WalletProvider value={{ sdk, deviceId, words }}>
          <div className="app wallet" data-screen={route.screen}>
            <header className="app-head">
              <Mark />
              <h1>{words.title}</h1>
            </header>
            <Navigation words={words} current={route.screen} />
            <div className="app-status">
              <ClaimsBar />
              <OfflineStatusBanner />
              <UpdateNotice />
            </div>
            {/* Another one for each place, which thereby starts at its top. */}
            <main className="wallet-main" ref={main} tabIndex={-1} key={href}>
              <Screen route={route} />
            </main>
          </div>
        </WalletProvider>
      </AppProvider>
    </OfflinePaymentProvider>
  )
}

function titleOf(screen: Route['screen'], words: Messages): string {
  return screen === 'payment' ? words.receipt.title : words[screen].title
}

function Screen({ route }: { readonly route: Route }) {
  switch (route.screen) {
    case 'home':
      return <Home />
    case 'pay':
      return <Pay />
    case 'receive':
      return <Receive />
    case 'claims':
      return <ClaimsList upTo={hrefOf({ screen: 'home' })} />
    case 'aside':
      return <Aside />
    case 'mandate':
      return <Mandate />
    case 'history':
      return <History />
    case 'payment':
      return <OwnPayment localId={route.localId} />
    case 'phone':
      return <Phone />
    case 'consent':
      return <Consent />
    case 'allow':
      return <Allow />
    case 'lost':
      return <Lost />
  }
}

const PLACES = {
  home: 'M4 11.5 12 4l8 7.5M6 10v10h12V10M10 20v-6h4v6',
  history: 'M6 3h12v18l-3-2-3 2-3-2-3 2V3ZM9 8h6M9 12h6',
  phone: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM11 18h2',
} as const

/** Where the screens that lead away from a place belong. */
const PLACE_OF: Partial<Record<Route['screen'], keyof typeof PLACES>> = {
  history: 'history',
  payment: 'history',
  phone: 'phone',
  consent: 'phone',
  allow: 'phone',
  lost: 'phone',
}

function Navigation({ words, current }: { readonly words: Messages; readonly current: Route['screen'] }) {
  const place = PLACE_OF[current] ?? 'home'
  const places = (['home', 'history', 'phone'] as const).map((screen) => ({
    href: hrefOf({ screen }),
    text: words.nav[screen],
    path: PLACES[screen],
    isCurrent: screen === place,
  }))
  return <Nav label={words.nav.label} places={places} />
}
