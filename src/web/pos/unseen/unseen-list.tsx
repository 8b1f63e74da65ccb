import { OfflineTransactionList } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { go, hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'
import { useUnseen } from './use-unseen.ts'

/** Payments that brought no money, of every day, until each was opened. */
export function UnseenList() {
  const { words, seen, sdk } = useTill()
  const unseen = useUnseen()
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'today' })} />
      <h2>{words.unseen.title}</h2>
      {unseen.length === 0 ? (
        <p className="app-note" role="status">
          {words.unseen.none}
        </p>
      ) : (
        <>
          <p>{words.unseen.what}</p>
          <OfflineTransactionList payments={unseen} onSelect={({ localId }) => go({ screen: 'receipt', localId })} />
          <button type="button" className="molam-button" onClick={() => seen.add(unseen, sdk.getTransactions())}>
            {words.unseen.all}
          </button>
        </>
      )}
    </div>
  )
}
