import type { MouseEvent } from 'react'
import { useApp } from './app-context.tsx'
import { goUp } from './navigation.ts'

/** Leads up to the screen that this one belongs to. */
export function BackLink({ href }: { readonly href: string }) {
  const { back } = useApp().words
  const press = (event: MouseEvent) => {
    // In a tab of its own it is a link like any other.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    goUp(href)
  }
  return (
    <a className="app-back" href={href} onClick={press}>
      <span aria-hidden="true">‹</span> {back}
    </a>
  )
}
