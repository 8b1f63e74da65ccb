import { usePayment } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { Slip } from '../../shared/slip/slip.tsx'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'

/** One payment of this phone. */
export function OwnPayment({ localId }: { readonly localId: string }) {
  const { receipt } = useWallet().words
  const payment = usePayment(localId)
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'history' })} />
      {payment === undefined ? <p className="app-empty">{receipt.none}</p> : <Slip payment={payment} />}
    </div>
  )
}
