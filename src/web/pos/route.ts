import { HOME, useFragment } from '../shared/navigation.ts'

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
      return HOME
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

export const useRoute = (): Route => routeOf(useFragment())
