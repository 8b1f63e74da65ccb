import { useSyncExternalStore } from 'react'

const PLAIN_SCREENS = ['till', 'today', 'unseen', 'claims', 'carry', 'device'] as const

/** Which screen is shown. It is in the URL's fragment, so that the phone's back button works. */
export type Route =
  | { readonly screen: (typeof PLAIN_SCREENS)[number] }
  | { readonly screen: 'receipt'; readonly localId: string }
  /** All that is carried for other tills, or one of it. */
  | { readonly screen: 'carried'; readonly id?: string }

export function hrefOf(route: Route): string {
  switch (route.screen) {
    case 'till':
      return '#/'
    case 'receipt':
      return `#/receipt/${route.localId}`
    case 'carried':
      return route.id === undefined ? '#/carried' : `#/carried/${route.id}`
    case 'today':
    case 'unseen':
    case 'claims':
    case 'carry':
    case 'device':
      return `#/${route.screen}`
  }
}

export function routeOf(fragment: string): Route {
  const [screen, ...rest] = fragment.replace(/^#\//, '').split('/')
  if (screen === 'receipt') return { screen, localId: rest.join('/') }
  if (screen === 'carried') return rest[0] ? { screen, id: rest[0] } : { screen }
  return { screen: PLAIN_SCREENS.find((plain) => plain === screen) ?? 'till' }
}

export function go(route: Route): void {
  location.hash = hrefOf(route)
}

/**
 * Up to the screen that this one belongs to: back in the history when it was reached from there, so that the phone's own
 * back button does not lead here again. A tablet shows the day beside the till.
 */
export function goUp(route: Route): void {
  const href = hrefOf(route)
  const from: unknown = history.state?.from
  if (from === href || from === hrefOf({ screen: 'till' })) history.back()
  else location.replace(href)
}

export function useRoute(): Route {
  const fragment = useSyncExternalStore(subscribe, () => location.hash)
  return routeOf(fragment)
}

function subscribe(changed: () => void): () => void {
  const listen = ({ oldURL }: HashChangeEvent) => {
    // A new entry: the browser keeps with it where it was reached from, also over a reload.
    if (history.state === null) history.replaceState({ from: hrefOf(routeOf(new URL(oldURL).hash)) }, '')
    changed()
  }
  addEventListener('hashchange', listen)
  return () => removeEventListener('hashchange', listen)
}
