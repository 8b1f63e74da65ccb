import { useState } from 'react'
import type { Profile } from '../../../device/sdk/index.ts'
import { formatParty, useProfile } from '../../../ui/index.ts'
import { QRSymbol } from '../../../ui/qr-symbol.tsx'
import { BackLink } from '../../shared/back-link.tsx'
import { FirstContact } from '../../shared/first-contact.tsx'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { AskPhone } from './ask-phone.tsx'

/** Without an amount this wallet's number as a code; with one this phone asks another phone, as a till does. */
export function Receive() {
  const profile = useProfile()
  const [asking, setAsking] = useState(false)
  if (profile === undefined) return <FirstContact />
  if (asking) return <AskPhone profile={profile} onBack={() => setAsking(false)} />
  return <AccountCode profile={profile} onAsk={() => setAsking(true)} />
}

interface AccountCodeProps {
  readonly profile: Profile
  readonly onAsk: () => void
}

/** Another phone pays to it, a till asks it. It is no secret, and gives nobody anything. */
function AccountCode({ profile, onAsk }: AccountCodeProps) {
  const { receive } = useWallet().words
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
      <button type="button" className="molam-button wallet-next" onClick={onAsk}>
        {receive.ask}
      </button>
      <p className="app-note">{receive.askWhat}</p>
    </div>
  )
}
