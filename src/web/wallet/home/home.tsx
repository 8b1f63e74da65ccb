import { usePayments, useProfile } from '../../../ui/index.ts'
import { FirstContact } from '../../shared/first-contact.tsx'
import { RecentPayments } from '../history/recent.tsx'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { Account } from './account.tsx'
import { useMayPay } from './use-may-pay.ts'

/** Whose money it is, what can be done with it, and what was done last. */
export function Home() {
  const { home } = useWallet().words
  const profile = useProfile()
  const payments = usePayments()
  if (profile === undefined) return <FirstContact />
  return (
    <div className="app-stack">
      <h2 className="app-hidden">{home.title}</h2>
      <Account profile={profile} />
      <Actions />
      <a className="molam-button" href={hrefOf({ screen: 'aside' })}>
        {home.aside}
      </a>
      <a className="molam-button" href={hrefOf({ screen: 'mandate' })}>
        {home.mandate}
      </a>
      {payments.length > 0 && <RecentPayments />}
    </div>
  )
}

/** A phone that nobody has allowed to pay leads to that first: nothing it would sign is worth anything. */
function Actions() {
  const { home } = useWallet().words
  const mayPay = useMayPay()
  return (
    <>
      {mayPay ? (
        <a className="molam-button molam-primary wallet-pay" href={hrefOf({ screen: 'pay' })}>
          <PayIcon />
          {home.pay}
        </a>
      ) : (
        <section className="app-section">
          <h3>{home.notYet}</h3>
          <p>{home.notYetWhy}</p>
          <a className="molam-button molam-primary" href={hrefOf({ screen: 'consent' })}>
            {home.allow}
          </a>
        </section>
      )}
      <a className="molam-button wallet-receive" href={hrefOf({ screen: 'receive' })}>
        {home.receive}
      </a>
    </>
  )
}

function PayIcon() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8 8h3v3H8zM13 8h3v3h-3zM8 13h3v3H8zM13 13h.01M16 16h.01M13 16h3v-3" />
    </svg>
  )
}
