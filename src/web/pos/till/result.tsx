import { useEffect, useRef } from 'react'
import type { TakenPayment } from '../../../sdk/index.ts'
import { OfflinePaymentStatus, usePayment } from '../../../ui/index.ts'
import { DisplayAmount } from '../display-amount.tsx'
import { hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'

interface ResultProps {
  readonly payment: TakenPayment
  readonly onNext: () => void
}

/**
 * What became of the payment, followed while the screen is open. It looks final only once the ledger's verified outcome
 * says so. Enter goes on to the next one.
 */
export function Result({ payment, onNext }: ResultProps) {
  const { result } = useTill().words
  const { status, reason, localId, amount, currency } = usePayment(payment.localId) ?? payment
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // Not the button: the key that took the payment, still held down, would leave at once.
    heading.current?.focus()
    const listen = (event: KeyboardEvent) => {
      const elsewhere = event.target instanceof HTMLElement && event.target.closest('a, button, input') !== null
      if (event.key === 'Enter' && !event.repeat && !elsewhere) onNext()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [onNext])
  return (
    <div className="pos-result" data-status={status}>
      <h2 ref={heading} tabIndex={-1}>
        <DisplayAmount minor={amount} currency={currency} />
        <OfflinePaymentStatus status={status} {...(reason !== undefined && { reason })} detailed />
      </h2>
      <p className="pos-local-id">{localId}</p>
      <button type="button" className="molam-button molam-primary" onClick={onNext}>
        {result.next}
      </button>
      <a className="molam-button" href={hrefOf({ screen: 'receipt', localId })}>
        {result.receipt}
      </a>
    </div>
  )
}
