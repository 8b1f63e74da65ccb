import { type RefObject, useLayoutEffect, useRef } from 'react'

/**
 * Whoever has chosen a screen is at its top: the next Tab is its first control, the next Enter is not the link again.
 *
 * @param screens what the screens stand in
 * @param heading selects the heading of the one that is shown
 */
export function useScreenTop(screens: RefObject<HTMLElement | null>, href: string, heading: string): void {
  const shown = useRef(href)
  useLayoutEffect(() => {
    if (shown.current === href) return
    shown.current = href
    scrollTo(0, 0)
    const found = screens.current?.querySelector<HTMLElement>(heading)
    if (found) found.tabIndex = -1
    ;(found ?? screens.current)?.focus({ preventScroll: true })
  }, [screens, href, heading])
}
