import { useEffect, useRef } from 'react'
import type { TakenPayment } from '../../../device/sdk/index.ts'
import { OfflinePaymentStatus, usePayment } from '../../../ui/index.ts'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { GuaranteeLine } from '../../shared/guarantee.tsx'
import { isEnter, isForStep } from '../../shared/keyboard.ts'
import { usePressable } from '../../shared/pressable.ts'
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
  const now = usePayment(payment.localId) ?? payment
  const { status, reason, localId, amount, currency } = now
  const heading = useRef<HTMLHeadingElement>(null)
  const pressable = usePressable()
  // Not the button: the key that took the payment, still held down, would leave at once.
  useEffect(() => heading.current?.focus(), [])
  useEffect(() => {
    if (!pressable) return
    const listen = (event: KeyboardEvent) => {
      if (isForStep(event, heading.current) && isEnter(event)) onNext()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [onNext, pressable])
  return (
    <div className="app-result" data-status={status} data-pressable={pressable}>
      <h2 ref={heading} tabIndex={-1}>
        <DisplayAmount minor={amount} currency={currency} />
        <GuaranteeLine payment={now} />
        <OfflinePaymentStatus status={status} reason={reason} detailed />
      </h2>
      <p className="app-local-id">{localId}</p>
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={!pressable}
        onClick={() => pressable && onNext()}
      >
        {result.next}
      </button>
      <a className="molam-button" href={hrefOf({ screen: 'receipt', localId })}>
        {result.receipt}
      </a>
    </div>
  )
}
