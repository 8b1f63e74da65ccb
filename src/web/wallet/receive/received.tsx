import { useEffect, useRef } from 'react'
import type { TakenPayment } from '../../../device/sdk/index.ts'
import { formatParty, OfflinePaymentStatus, usePayment } from '../../../ui/index.ts'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { GuaranteeLine } from '../../shared/guarantee.tsx'
import { usePressable } from '../../shared/pressable.ts'
import { go, hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'

/** What became of what another phone has signed, followed while the screen is open. Its money is here only once the book says so. */
export function Received({ payment }: { readonly payment: TakenPayment }) {
  const { sent, receive } = useWallet().words
  const now = usePayment(payment.localId) ?? payment
  const { status, reason, localId, amount, currency, sender } = now
  const heading = useRef<HTMLHeadingElement>(null)
  const pressable = usePressable()
  useEffect(() => heading.current?.focus(), [])
  return (
    <div className="app-result" data-status={status} data-pressable={pressable}>
      <h2 ref={heading} tabIndex={-1}>
        <DisplayAmount minor={amount} currency={currency} />
        <GuaranteeLine payment={now} />
        <OfflinePaymentStatus status={status} reason={reason} detailed />
      </h2>
      <p>{receive.from(formatParty(sender))}</p>
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
