import type { MouseEvent } from 'react'
import { goUp, hrefOf, type Route } from './route.ts'
import { useTill } from './till-context.tsx'

/** Leads up to the screen that this one belongs to. */
export function BackLink({ to }: { readonly to: Route }) {
  const { back } = useTill().words
  const press = (event: MouseEvent) => {
    // In a tab of its own it is a link like any other.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    goUp(to)
  }
  return (
    <a className="pos-back" href={hrefOf(to)} onClick={press}>
      <span aria-hidden="true">‹</span> {back}
    </a>
  )
}
