import { Amount, formatParty, Time, useMandated } from '../../../ui/index.ts'
import { useWallet } from '../wallet-context.tsx'

/** Payments that the holder's mandate paid without asking, the newest first. */
export function MandatedList() {
  const { mandate: words } = useWallet().words
  const mandated = useMandated()
  return (
    <section className="app-section">
      <h3>{words.taken}</h3>
      {mandated.length === 0 && <p className="app-note">{words.takenNone}</p>}
      <ul className="wallet-lines">
        {mandated.map(({ localId, amount, currency, receiver, postedAtMs }) => (
          <li key={localId}>
            <span className="wallet-line">
              <Amount minor={amount} currency={currency} />
              <Time atMs={postedAtMs} />
            </span>
            <span className="app-note">{words.takenBy(formatParty(receiver), localId)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
