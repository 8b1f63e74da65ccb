import { useSyncExternalStore } from 'react'

/** Which screen is shown. It is in the URL's fragment, so that the phone's back button works. */
export type Route =
  | { readonly screen: 'till' | 'today' | 'carry' | 'device' }
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
    case 'carry':
    case 'device':
      return `#/${route.screen}`
  }
}

export function routeOf(fragment: string): Route {
  const [screen, ...rest] = fragment.replace(/^#\//, '').split('/')
  if (screen === 'receipt') return { screen, localId: rest.join('/') }
  if (screen === 'carried') return rest[0] ? { screen, id: rest[0] } : { screen }
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
