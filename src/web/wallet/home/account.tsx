import { useState } from 'react'
import type { Profile } from '../../../device/sdk/index.ts'
import { formatAmount, formatParty, maskParty, Time, usePass } from '../../../ui/index.ts'
import { HeldLine } from '../aside/held-line.tsx'
import { useWallet } from '../wallet-context.tsx'
import { useMayPay } from './use-may-pay.ts'

/** Whose wallet it is: covered until it is asked for, since others look at the screen too. */
export function Account({ profile }: { readonly profile: Profile }) {
  const { home } = useWallet().words
  const [shown, setShown] = useState(false)
  const mayPay = useMayPay()
  const pass = usePass()
  const { ownerWallet, ownerWalletFault } = profile
  return (
    <section className="app-section wallet-account" aria-label={home.account}>
      <div>
        <p className="app-note">{home.account}</p>
        <p className="wallet-number">{shown ? formatParty(ownerWallet) : maskParty(ownerWallet)}</p>
      </div>
      <button type="button" className="molam-button" aria-pressed={shown} onClick={() => setShown(!shown)}>
        {shown ? home.hide : home.show}
      </button>
      {mayPay &&
        (pass === undefined ? (
          <p className="app-note">{home.noPass}</p>
        ) : (
          <p className="app-note">
            {home.offline(formatAmount(pass.paymentMax, pass.currency))} <Time atMs={pass.untilMs} form="day" />
          </p>
        ))}
      {mayPay && <HeldLine />}
      {ownerWalletFault && (
        <p className="app-wrong" role="alert">
          {home.fault}
        </p>
      )}
    </section>
  )
}
