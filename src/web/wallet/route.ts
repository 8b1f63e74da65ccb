import { HOME, useFragment } from '../shared/navigation.ts'

const PLAIN_SCREENS = [
  'home',
  'pay',
  'receive',
  'claims',
  'aside',
  'mandate',
  'history',
  'phone',
  'consent',
  'allow',
  'lost',
] as const

/** Which screen is shown. */
export type Route =
  | { readonly screen: (typeof PLAIN_SCREENS)[number] }
  | { readonly screen: 'payment'; readonly localId: string }

export function hrefOf(route: Route): string {
  if (route.screen === 'home') return HOME
  return route.screen === 'payment' ? `#/payment/${route.localId}` : `#/${route.screen}`
}

export function routeOf(fragment: string): Route {
  const [screen, ...rest] = fragment.replace(/^#\//, '').split('/')
  if (screen === 'payment') return { screen, localId: rest.join('/') }
  return { screen: PLAIN_SCREENS.find((plain) => plain === screen) ?? 'home' }
}

export function go(route: Route): void {
  location.hash = hrefOf(route)
}

export const useRoute = (): Route => routeOf(useFragment())
