import { BackLink } from '../../shared/back-link.tsx'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'

/** Nothing is signed that nobody would take. */
export function NotAllowed() {
  const { home, pay } = useWallet().words
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'home' })} />
      <h2>{pay.title}</h2>
      <p>{home.notYetWhy}</p>
      <a className="molam-button molam-primary" href={hrefOf({ screen: 'consent' })}>
        {home.allow}
      </a>
    </div>
  )
}
