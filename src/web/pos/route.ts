import { useSyncExternalStore } from 'react'

/** Which screen is shown. It is in the URL's fragment, so that the phone's back button works. */
export type Route =
  | { readonly screen: 'till' | 'today' | 'carry' | 'device' }
  | { readonly screen: 'receipt'; readonly localId: string }

export const hrefOf = (route: Route): string =>
  route.screen === 'receipt' ? `#/receipt/${route.localId}` : route.screen === 'till' ? '#/' : `#/${route.screen}`

export function routeOf(fragment: string): Route {
  const [screen, ...rest] = fragment.replace(/^#\//, '').split('/')
  if (screen === 'receipt') return { screen, localId: rest.join('/') }
  return { screen: screen === 'today' || screen === 'carry' || screen === 'device' ? screen : 'till' }
}

export function go(route: Route): void {
  location.hash = hrefOf(route)
}

export function useRoute(): Route {
  const fragment = useSyncExternalStore(subscribe, () => location.hash)
  return routeOf(fragment)
}

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed)
  return () => removeEventListener('hashchange', changed)
}
