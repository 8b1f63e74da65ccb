import { useSyncExternalStore } from 'react'
import { isPiSpiAlias } from '../../device/qr/index.ts'
import { LOCALES, type Locale } from '../../ui/index.ts'

/** How this phone shows the till, and what somebody has typed in for it. Losing it costs nothing. */
export interface Preferences {
  readonly locale: Locale
  readonly theme: Theme
  /** A shop's alias in PI-SPI, and whose it is. */
  readonly piSpi?: { readonly wallet: string; readonly alias: string } | undefined
}

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'molam-pos-preferences'
const listeners = new Set<() => void>()
let current = read()

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, () => current)
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change }
  try {
    localStorage.setItem(KEY, JSON.stringify(current))
  } catch {
    // A full or forbidden storage: it holds until the page is closed.
  }
  apply()
  for (const listener of listeners) listener()
}

/** Sets language and theme on the page itself; screen readers and the stylesheet read them there. */
export function apply(): void {
  const { lang, dataset } = document.documentElement
  if (lang !== current.locale) document.documentElement.lang = current.locale
  if (current.theme === 'auto') delete dataset['theme']
  else dataset['theme'] = current.theme
}

/** The first language of this phone that the till speaks; French is what is spoken at most counters. */
export function preferredLocale(languages: readonly string[]): Locale {
  const spoken = languages.map((tag) => LOCALES.find((locale) => locale === tag.toLowerCase().split('-')[0]))
  return spoken.find((locale) => locale !== undefined) ?? 'fr'
}

function read(): Preferences {
  const defaults: Preferences = { locale: preferredLocale(navigator.languages), theme: 'auto' }
  try {
    const stored: Partial<Record<keyof Preferences, unknown>> = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return {
      locale: LOCALES.find((locale) => locale === stored.locale) ?? defaults.locale,
      theme: THEMES.find((theme) => theme === stored.theme) ?? defaults.theme,
      piSpi: readPiSpi(stored.piSpi),
    }
  } catch {
    return defaults
  }
}

/** What is no alias would make a code that nobody can read. */
function readPiSpi(stored: unknown): Preferences['piSpi'] {
  const { wallet, alias } = Object(stored) as Record<string, unknown>
  return typeof wallet === 'string' && typeof alias === 'string' && isPiSpiAlias(alias) ? { wallet, alias } : undefined
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed)
  return () => listeners.delete(changed)
}
