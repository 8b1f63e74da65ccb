import { useEffect, useState } from 'react'
import type { SignedPayment } from '../../../device/sdk/index.ts'
import { Amount, formatParty, Time } from '../../../ui/index.ts'
import { useWallet } from '../wallet-context.tsx'

/** What this phone has signed for tills, the newest first. What became of it the till knows, and the book. */
export function SignedList() {
  const { words } = useWallet()
  const { history } = words
  const signed = useSigned()
  return (
    <section className="app-section">
      <h3>{history.signed}</h3>
      <p className="app-note">{signed.length === 0 ? history.signedNone : history.signedWhat}</p>
      <ul className="wallet-lines">
        {signed.map((one) => (
          <li key={`${one.takerId} ${one.signedAtMs} ${one.amount}`}>
            <span className="wallet-line">
              <Amount minor={one.amount} currency={one.currency} />
              <Time atMs={one.signedAtMs} />
            </span>
            <span className="app-note">{history.signedFor(formatParty(one.receiver), one.takerId)}</span>
            {!one.signed && <span className="app-wrong">{history.unsigned}</span>}
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Read again whenever something happens on the device. */
function useSigned(): readonly SignedPayment[] {
  const { sdk } = useWallet()
  const [signed, setSigned] = useState<readonly SignedPayment[]>([])
  useEffect(() => {
    let current = true
    const read = () => void sdk.authorized().then((found) => current && setSigned(found))
    read()
    const off = sdk.on('state', read)
    return () => {
      current = false
      off()
    }
  }, [sdk])
  return signed
}
