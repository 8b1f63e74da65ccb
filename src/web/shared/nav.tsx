interface Place {
  readonly href: string
  readonly text: string
  /** Of a drawing of 24 by 24, in lines. */
  readonly path: string
  readonly isCurrent: boolean
}

/** The way between the screens. */
export function Nav({ label, places }: { readonly label: string; readonly places: readonly Place[] }) {
  return (
    <nav className="app-nav" aria-label={label}>
      {places.map(({ href, text, path, isCurrent }) => (
        <a key={href} href={href} aria-current={isCurrent ? 'page' : undefined}>
          <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d={path} />
          </svg>
          {text}
        </a>
      ))}
    </nav>
  )
}
