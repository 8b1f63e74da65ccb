import { useSyncExternalStore } from 'react'

/** Every page's first screen. */
export const HOME = '#/'

/** Which screen is shown is in the URL's fragment, so that the phone's back button works. */
export const useFragment = (): string => useSyncExternalStore(subscribe, () => location.hash)

/**
 * Up to the screen that this one belongs to: back in the history when it was reached from there, so that the phone's own
 * back button does not lead here again. A tablet shows the first screen beside the others.
 */
export function goUp(href: string): void {
  const from: unknown = history.state?.from
  if (from === href || from === HOME) history.back()
  else location.replace(href)
}

function subscribe(changed: () => void): () => void {
  const listen = ({ oldURL }: HashChangeEvent) => {
    // A new entry: the browser keeps with it where it was reached from, also over a reload.
    if (history.state === null) history.replaceState({ from: new URL(oldURL).hash || HOME }, '')
    changed()
  }
  addEventListener('hashchange', listen)
  return () => removeEventListener('hashchange', listen)
}
