import type { OfflinePayment } from '../../device/sdk/index.ts'
import { usePayment } from '../../ui/index.ts'
import { BackLink } from '../shared/back-link.tsx'
import { Slip } from '../shared/slip/slip.tsx'
import { GiveBack } from './refund/give-back.tsx'
import { hrefOf } from './route.ts'
import { useTill } from './till-context.tsx'
import { useOpened } from './unseen/use-unseen.ts'

/** One payment of this till. */
export function Receipt({ localId }: { readonly localId: string }) {
  const { receipt } = useTill().words
  const payment = usePayment(localId)
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'today' })} />
      {payment === undefined ? <p className="app-empty">{receipt.none}</p> : <OpenedSlip payment={payment} />}
    </div>
  )
}

function OpenedSlip({ payment }: { readonly payment: OfflinePayment }) {
  useOpened(payment)
  return (
    <>
      <Slip payment={payment} />
      <GiveBack payment={payment} />
    </>
  )
}
