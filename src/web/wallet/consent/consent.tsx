import { Time, useProfile } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { FirstContact } from '../../shared/first-contact.tsx'
import { useMayPay } from '../home/use-may-pay.ts'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { ByCode } from './by-code.tsx'
import { ByPhone } from './by-phone.tsx'

/** The holder lets this phone pay: by a code that comes to the wallet's number, or by another phone of the wallet. */
export function Consent() {
  const { consent } = useWallet().words
  const profile = useProfile()
  const mayPay = useMayPay()
  if (profile === undefined) return <FirstContact />
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'home' })} />
      <h2>{consent.title}</h2>
      {mayPay && profile.paysUntilMs !== undefined ? (
        <div className="app-section" role="status">
          <p className="wallet-done">{consent.done}</p>
          <p>
            {consent.until} <Time atMs={profile.paysUntilMs} form="year" />
          </p>
          <a className="molam-button molam-primary" href={hrefOf({ screen: 'home' })}>
            {consent.onward}
          </a>
        </div>
      ) : (
        <>
          <p>{consent.what}</p>
          <ByCode />
          <ByPhone />
        </>
      )}
    </div>
  )
}
