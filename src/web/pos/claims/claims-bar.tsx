import { useClaims } from '../../../ui/index.ts'
import { hrefOf } from '../route.ts'
import { sumOf } from '../sum.ts'
import { useTill } from '../till-context.tsx'

/** On every screen while others ask for money out of this device's wallet. */
export function ClaimsBar() {
  const { claims: words } = useTill().words
  const claims = useClaims()
  if (claims.length === 0) return null
  return (
    <section aria-label={words.title}>
      <a className="pos-claims-bar" href={hrefOf({ screen: 'claims' })}>
        <span>{words.bar(claims.length, sumOf(claims))}</span> <strong>{words.open}</strong>
      </a>
    </section>
  )
}
