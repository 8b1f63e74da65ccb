import { OfflineSyncProgress, OfflineTransactionList } from '../../../ui/index.ts'
import { MandatedList } from '../mandate/mandated-list.tsx'
import { go } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { SignedList } from './signed-list.tsx'

/** What this phone has signed, and what others took by its holder's standing word. */
export function History() {
  const { history } = useWallet().words
  return (
    <div className="app-stack">
      <h2>{history.title}</h2>
      <OfflineTransactionList title={history.own} onSelect={({ localId }) => go({ screen: 'payment', localId })} />
      <SignedList />
      <MandatedList />
      <OfflineSyncProgress />
    </div>
  )
}
