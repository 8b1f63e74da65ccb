import { useEffect, useLayoutEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import type { Timers } from '../../device/sdk/index.ts'
import { type Locale, OfflinePaymentProvider, OfflineStatusBanner } from '../../ui/index.ts'
import { CarriedList } from './carrying/carried-list.tsx'
import { CarriedOne } from './carrying/carried-one.tsx'
import { Carry } from './carrying/carry.tsx'
import { ClaimsBar } from './claims/claims-bar.tsx'
import { ClaimsList } from './claims/claims-list.tsx'
import { Device } from './device.tsx'
import { Mark } from './mark.tsx'
import type { Opened } from './open.ts'
import { Receipt } from './receipt.tsx'
import { hrefOf, type Route, useRoute } from './route.ts'
import { update } from './service-worker.ts'
import { Till } from './till/till.tsx'
import { TillProvider } from './till-context.tsx'
import { Today } from './today.tsx'
import { Seen } from './unseen/seen.ts'
import { UnseenBar } from './unseen/unseen-bar.tsx'
import { UnseenList } from './unseen/unseen-list.tsx'
import { WalletFault } from './wallet-fault.tsx'
import type { Messages } from './words/messages.ts'

interface ShellProps {
  readonly till: Extract<Opened, { status: 'open' }>
  readonly locale: Locale
  readonly words: Messages
  /** Default: the page's own. */
  readonly timers?: Timers
}

/**
 * The open till: on a phone one screen at a time, on a tablet the amount pad with the day beside it. The pad stays mounted
 * everywhere, so that a half-typed amount survives a look at the list.
 */
export function Shell({ till, locale, words, timers }: ShellProps) {
  const { sdk, deviceId, carrying } = till
  const seen = useMemo(() => new Seen(deviceId), [deviceId])
  const route = useRoute()
  const panes = useRef<HTMLElement>(null)
  const href = hrefOf(route)
  const isTill = route.screen === 'till'
  const shown = useRef(href)
  useLayoutEffect(() => {
    if (shown.current === href) return
    shown.current = href
    // Whoever has chosen a screen is at its top: the next Tab is its first control, the next Enter is not the link again.
    scrollTo(0, 0)
    const heading = panes.current?.querySelector<HTMLElement>(`.pos-pane-${isTill ? 'till' : 'side'} h2`)
    if (heading) heading.tabIndex = -1
    ;(heading ?? panes.current)?.focus({ preventScroll: true })
  }, [href, isTill])
  useEffect(() => {
    document.title = `${titleOf(route.screen, words)} · ${words.title}`
  }, [route.screen, words])
  return (
    <OfflinePaymentProvider sdk={sdk} locale={locale} {...(timers && { timers })}>
      <TillProvider value={{ sdk, deviceId, carrying, seen, words }}>
        <div className="pos" data-screen={route.screen}>
          <header className="pos-head">
            <Mark />
            <h1>{words.title}</h1>
          </header>
          <Navigation words={words} current={route.screen} />
          <div className="pos-status">
            <ClaimsBar />
            <UnseenBar />
            <OfflineStatusBanner />
            <WalletFault />
            <UpdateNotice words={words} />
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
      return <ClaimsList />
    case 'carry':
      return <Carry />
    case 'carried':
      return route.id === undefined ? <CarriedList /> : <CarriedOne key={route.id} id={route.id} />
    case 'device':
      return <Device />
  }
}

const PLACES = ['till', 'today', 'device'] as const

function Navigation({ words, current }: { readonly words: Messages; readonly current: Route['screen'] }) {
  const place = current === 'till' || current === 'device' ? current : 'today'
  return (
    <nav className="pos-nav" aria-label={words.nav.label}>
      {PLACES.map((screen) => (
        <a key={screen} href={hrefOf({ screen })} aria-current={screen === place ? 'page' : undefined}>
          <PlaceIcon screen={screen} />
          {words.nav[screen]}
        </a>
      ))}
    </nav>
  )
}

const PLACE_PATHS: Readonly<Record<(typeof PLACES)[number], string>> = {
  till: 'M5 5h14v14H5zM9 9h.01M12 9h.01M15 9h.01M9 12h.01M12 12h.01M15 12h.01M9 15h.01M12 15h.01M15 15h.01',
  today: 'M6 3h12v18l-3-2-3 2-3-2-3 2V3ZM9 8h6M9 12h6',
  device: 'M4 6h16M4 12h16M4 18h16M9 4v4M15 10v4M8 16v4',
}

function PlaceIcon({ screen }: { readonly screen: (typeof PLACES)[number] }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PLACE_PATHS[screen]} />
    </svg>
  )
}

function UpdateNotice({ words }: { readonly words: Messages }) {
  const isReady = useSyncExternalStore(update.subscribe, update.isReady)
  if (!isReady) return null
  return (
    <p className="pos-update" role="status">
      {words.update.ready}{' '}
      <button type="button" className="molam-button" onClick={update.start}>
        {words.update.now}
      </button>
    </p>
  )
}
