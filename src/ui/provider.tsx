import { createContext, type ReactNode, use, useMemo } from 'react'
import type { OfflineSDK, Timers } from '../device/sdk/index.ts'
import { Announcer } from './announcer.tsx'
import { SdkStore } from './sdk-store.ts'
import { MESSAGES } from './words/index.ts'
import type { Locale, Messages } from './words/messages.ts'

export interface OfflinePaymentProviderProps {
  /** Undefined on a server, and while the storage is being opened: the components then show an empty device. */
  readonly sdk: OfflineSDK | undefined
  /** Language of the components. Default `fr`. */
  readonly locale?: Locale
  /** IANA zone that times are shown in. Default: that of the policy. */
  readonly timeZone?: string
  /** For announcements and animated codes. Default: the page's own. */
  readonly timers?: Timers
  readonly children?: ReactNode
}

interface OfflineContext {
  readonly store: SdkStore
  readonly locale: Locale
  readonly timeZone: string | undefined
  readonly timers: Timers
  readonly words: Messages
}

const Context = createContext<OfflineContext | undefined>(undefined)

const pageTimers: Timers = {
  set: (run, delayMs) => globalThis.setTimeout(run, delayMs),
  clear: (timer) => globalThis.clearTimeout(timer as number),
}

/**
 * Gives the components and hooks below it their device and their language, and tells screen readers what changes. The
 * SDK is the app's: it is neither initialized nor destroyed here.
 *
 * @example
 * <OfflinePaymentProvider sdk={sdk} locale="fr">
 *   <OfflineStatusBanner />
 *   <OfflinePaymentButton terms={{ type: 'merchant', amount: 2500, currency: 'XOF', sender, receiver }} />
 *   <OfflineTransactionList />
 * </OfflinePaymentProvider>
 */
export function OfflinePaymentProvider(props: OfflinePaymentProviderProps) {
  const { sdk, locale = 'fr', timeZone, timers = pageTimers, children } = props
  const store = useMemo(() => new SdkStore(sdk), [sdk])
  const context = useMemo(
    () => ({ store, locale, timeZone, timers, words: MESSAGES[locale] }),
    [store, locale, timeZone, timers],
  )
  return (
    <Context value={context}>
      {children}
      <Announcer store={store} locale={locale} words={context.words} timers={timers} />
    </Context>
  )
}

/** @throws Error outside of an `OfflinePaymentProvider` */
export function useOfflineContext(): OfflineContext {
  const context = use(Context)
  if (context === undefined) throw new Error('there is no <OfflinePaymentProvider> above this component')
  return context
}
