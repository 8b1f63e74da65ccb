import { useClaims } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import { sumOf } from '../sum.ts'

/** Every page has the answers there. */
export const CLAIMS = '#/claims'

/** On every screen while others ask for money out of this device's wallet. */
export function ClaimsBar() {
  const { claims: words } = useApp().words
  const claims = useClaims()
  if (claims.length === 0) return null
  return (
    <section aria-label={words.title}>
      <a className="app-bar app-claims-bar" href={CLAIMS}>
        <span>{words.bar(claims.length, sumOf(claims))}</span> <strong>{words.open}</strong>
      </a>
    </section>
  )
}
