import { useEffect, useState } from 'react'
import type { StatementLine } from '../../../device/sdk/index.ts'
import { Amount, formatParty, OfflinePaymentStatus, Time } from '../../../ui/index.ts'
import { useWallet } from '../wallet-context.tsx'

/** What tills took on the word of this wallet's phones, the newest first, and what became of it. */
export function SignedList() {
  const { words } = useWallet()
  const { history } = words
  const lines = useStatement()
  return (
    <section className="app-section">
      <h3>{history.signed}</h3>
      <p className="app-note">{lines.length === 0 ? history.signedNone : history.signedWhat}</p>
      <ul className="wallet-lines">
        {lines.map((one) => (
          <li key={`${one.localId ?? one.takerId} ${one.atMs} ${one.amount}`}>
            <span className="wallet-line">
              <Amount minor={one.amount} currency={one.currency} />
              <Time atMs={one.atMs} />
            </span>
            <span className="app-note">{history.signedFor(formatParty(one.receiver), one.takerId)}</span>
            <Became {...one} />
            {one.signed === false && <span className="app-wrong">{history.unsigned}</span>}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Became({ status, reason }: StatementLine) {
  const { history } = useWallet().words
  if (status === 'not_heard') return <span className="app-note">{history.unheard}</span>
  if (status === 'not_told') return <span className="app-note">{history.older}</span>
  return <OfflinePaymentStatus status={status} reason={reason} detailed={status === 'failed'} />
}

/** Read again whenever something happens on the device. What mandates paid has a list of its own. */
function useStatement(): readonly StatementLine[] {
  const { sdk } = useWallet()
  const [lines, setLines] = useState<readonly StatementLine[]>([])
  useEffect(() => {
    let current = true
    const show = (found: readonly StatementLine[]) =>
      current && setLines(found.filter(({ guarantee }) => guarantee !== 'mandated'))
    const read = () => void sdk.statement().then(show)
    read()
    const off = sdk.on('state', read)
    return () => {
      current = false
      off()
    }
  }, [sdk])
  return lines
}
