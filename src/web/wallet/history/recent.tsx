import { OfflineTransactionList, usePayments } from '../../../ui/index.ts'
import { go, hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'

const RECENT = 3

/** The last payments of this phone. */
export function RecentPayments() {
  const { history } = useWallet().words
  const payments = usePayments()
  return (
    <>
      <OfflineTransactionList
        payments={payments.slice(-RECENT)}
        title={history.recent}
        onSelect={({ localId }) => go({ screen: 'payment', localId })}
      />
      {payments.length > RECENT && (
        <a className="molam-button" href={hrefOf({ screen: 'history' })}>
          {history.all}
        </a>
      )}
    </>
  )
}
