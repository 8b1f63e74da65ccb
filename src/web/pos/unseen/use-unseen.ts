import { useEffect, useMemo, useSyncExternalStore } from 'react'
import type { OfflinePayment } from '../../../device/sdk/index.ts'
import { usePayments } from '../../../ui/index.ts'
import { useTill } from '../till-context.tsx'
import { isBad } from './seen.ts'

/** Payments that brought no money and that nobody has opened since that is known, oldest first, of whatever day. */
export function useUnseen(): readonly OfflinePayment[] {
  const { seen } = useTill()
  const payments = usePayments()
  const names = useSyncExternalStore(seen.subscribe, () => seen.names)
  return useMemo(
    () => payments.filter((payment) => isBad(payment) && !(names.size > 0 && seen.has(payment))),
    [payments, names, seen],
  )
}

/** The payment is on the screen: its bad outcome counts as seen once somebody looks at the page. */
export function useOpened(payment: OfflinePayment): void {
  const { seen, sdk } = useTill()
  useEffect(() => {
    if (!isBad(payment)) return
    const look = () => {
      if (document.visibilityState === 'visible') seen.add([payment], sdk.getTransactions())
    }
    look()
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [payment, seen, sdk])
}
