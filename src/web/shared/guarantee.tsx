import type { OfflinePayment } from '../../device/sdk/index.ts'
import { guaranteeToShow } from '../../ui/index.ts'
import { useOfflineContext } from '../../ui/provider.tsx'

/** Said only until the book has its word. */
const UNDER_WAY: ReadonlySet<OfflinePayment['status']> = new Set(['pending_offline', 'pending', 'review', 'claimed'])

/** What stands behind the payment, in words and large, while goods or cash are still on the counter. */
export function GuaranteeLine({ payment }: { readonly payment: OfflinePayment }) {
  const { words } = useOfflineContext()
  const guarantee = guaranteeToShow(payment)
  if (guarantee === undefined || !UNDER_WAY.has(payment.status)) return null
  return (
    <strong className="app-guarantee" data-guarantee={guarantee}>
      {words.guarantees[guarantee]}
    </strong>
  )
}
