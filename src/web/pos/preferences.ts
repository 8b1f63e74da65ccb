import { useSyncExternalStore } from 'react'
import { LOCALES, type Locale } from '../../ui/index.ts'

/** How this phone shows the till. Nothing about money: losing it costs nothing. */
export interface Preferences {
  readonly locale: Locale
  readonly theme: Theme
}

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'molam-pos-preferences'
const DEFAULTS: Preferences = { locale: 'fr', theme: 'auto' }
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

function read(): Preferences {
  try {
    const stored: Partial<Record<keyof Preferences, unknown>> = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return {
      locale: LOCALES.find((locale) => locale === stored.locale) ?? DEFAULTS.locale,
      theme: THEMES.find((theme) => theme === stored.theme) ?? DEFAULTS.theme,
    }
  } catch {
    return DEFAULTS
  }
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed)
  return () => listeners.delete(changed)
}
