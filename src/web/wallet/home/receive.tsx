import { formatParty, useProfile } from '../../../ui/index.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { BackLink } from '../../shared/back-link.tsx'
import { FirstContact } from '../../shared/first-contact.tsx'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'

/** This wallet's number as a code: another phone pays to it, a till asks it. It is no secret, and gives nobody anything. */
export function Receive() {
  const { receive } = useWallet().words
  const profile = useProfile()
  if (profile === undefined) return <FirstContact />
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'home' })} />
      <h2>{receive.title}</h2>
      <p>{receive.what}</p>
      <figure className="wallet-code">
        <QRSymbol part={profile.ownerWallet} label={receive.code} />
        <figcaption className="wallet-number">{formatParty(profile.ownerWallet)}</figcaption>
      </figure>
      <p className="app-note">{receive.safe}</p>
    </div>
  )
}
