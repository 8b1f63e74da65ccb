import { BackLink } from '../shared/back-link.tsx'
import { useMayPay } from './home/use-may-pay.ts'
import { hrefOf } from './route.ts'
import { useWallet } from './wallet-context.tsx'

/** What somebody does whose other phone is gone: what this phone can do about it, and what only people can. */
export function Lost() {
  const { words } = useWallet()
  const { lost } = words
  const mayPay = useMayPay()
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'phone' })} />
      <h2>{lost.title}</h2>
      <ol className="app-steps">
        {lost.steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      {mayPay && (
        <a className="molam-button" href={hrefOf({ screen: 'mandate' })}>
          {lost.mandate}
        </a>
      )}
      <p className="app-note">{lost.still}</p>
      <p className="app-note">{lost.thisOne}</p>
    </div>
  )
}
