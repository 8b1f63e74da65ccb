import { useEffect, useRef } from 'react'
import type { TakenPayment } from '../../../device/sdk/index.ts'
import { formatParty, OfflinePaymentStatus, usePayment } from '../../../ui/index.ts'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { usePressable } from '../../shared/pressable.ts'
import { go, hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'

/** What became of a payment, followed while the screen is open: it looks final only once the book's verified outcome says so. */
export function Sent({ payment }: { readonly payment: TakenPayment }) {
  const { sent } = useWallet().words
  const { status, reason, localId, amount, currency, receiver } = usePayment(payment.localId) ?? payment
  const heading = useRef<HTMLHeadingElement>(null)
  const pressable = usePressable()
  useEffect(() => heading.current?.focus(), [])
  return (
    <div className="app-result" data-status={status} data-pressable={pressable}>
      <h2 ref={heading} tabIndex={-1}>
        <DisplayAmount minor={amount} currency={currency} />
        <OfflinePaymentStatus status={status} reason={reason} detailed />
      </h2>
      <p>{sent.to(formatParty(receiver))}</p>
      <p className="app-local-id">{localId}</p>
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={!pressable}
        onClick={() => pressable && go({ screen: 'home' })}
      >
        {sent.done}
      </button>
      <a className="molam-button" href={hrefOf({ screen: 'payment', localId })}>
        {sent.details}
      </a>
    </div>
  )
}
