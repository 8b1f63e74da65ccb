import type { PaymentTerms, TakenPayment } from '../device/sdk/index.ts'
import { isAmountMinor } from '../protocol/money.ts'
import { OfflineErrorNotice } from './error-notice.tsx'
import { Amount } from './figures.tsx'
import { formatAmount } from './format.ts'
import { usePayment } from './hooks.ts'
import { OfflinePaymentStatus } from './payment-status.tsx'
import { useOfflineContext } from './provider.tsx'
import { useTakePayment } from './take-payment.ts'
import { guaranteeToShow } from './words/index.ts'

export interface OfflinePaymentButtonProps {
  /** Undefined while they are not complete: the button is disabled. */
  readonly terms: PaymentTerms | undefined
  /** Called once the payment is on disk. */
  readonly onTaken?: (payment: TakenPayment) => void
  /** Called when the person asks for the next payment. */
  readonly onAnother?: () => void
}

/**
 * Takes the payment of its terms, once: after it the button rests until "new payment" is chosen, so that a second tap
 * never takes a second payment. Shows how it was taken and follows its status.
 */
export function OfflinePaymentButton({ terms, onTaken, onAnother }: OfflinePaymentButtonProps) {
  const { words, locale } = useOfflineContext()
  const { state, take, reset } = useTakePayment()
  const { button } = words
  const complete = terms !== undefined && isAmountMinor(terms.amount)
  // An error can come after the payment is on disk: it stands, and the same tap must not take another one.
  const stands = state.status === 'taken' || (state.status === 'refused' && state.error.money !== 'not_taken')
  const resting = !complete || state.status === 'taking' || stands
  const press = async () => {
    if (resting) return
    const payment = await take(terms)
    if (payment !== undefined) onTaken?.(payment)
  }
  const another = () => {
    reset()
    onAnother?.()
  }
  return (
    <div className="molam-pay" lang={locale}>
      {/* Not `disabled`: the focus would be lost at the moment when the result appears. */}
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={resting}
        aria-busy={state.status === 'taking'}
        onClick={press}
      >
        {state.status === 'taking' && button.taking}
        {state.status === 'taken' && button.taken}
        {(state.status === 'idle' || state.status === 'refused') && (
          <span suppressHydrationWarning>
            {words.take[terms?.type ?? 'merchant'](complete ? formatAmount(terms.amount, terms.currency) : '')}
          </span>
        )}
      </button>
      {state.status === 'refused' && <OfflineErrorNotice error={state.error} amount={terms?.amount} />}
      {state.status === 'taken' && <Taken payment={state.payment} how={state.how} />}
      {stands && (
        <button type="button" className="molam-button" onClick={another}>
          {button.another}
        </button>
      )}
    </div>
  )
}

interface TakenProps {
  readonly payment: TakenPayment
  readonly how: 'online' | 'offline'
}

function Taken({ payment, how }: TakenProps) {
  const { button } = useOfflineContext().words
  const now = usePayment(payment.localId) ?? payment
  const { status, reason } = now
  return (
    <div className="molam-taken" data-status={status}>
      <Amount minor={payment.amount} currency={payment.currency} />
      <OfflinePaymentStatus status={status} reason={reason} guarantee={guaranteeToShow(now)} detailed />
      <p className="molam-quiet">
        {how === 'online' ? button.takenOnline : button.takenOffline} · {payment.localId}
      </p>
    </div>
  )
}
