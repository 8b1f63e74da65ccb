import { useRef, useState } from 'react'
import { OfflineError, type OfflinePayment } from '../../device/sdk/index.ts'
import { formatParty, OfflineErrorNotice, OfflinePaymentStatus, Time, usePayment } from '../../ui/index.ts'
import { BackLink } from './back-link.tsx'
import { DisplayAmount } from './display-amount.tsx'
import { ShareReceipt } from './share.tsx'
import { useTill } from './till-context.tsx'
import { useOpened } from './unseen/use-unseen.ts'

/** One payment with everything that a customer or the support may ask for. Says that it is provisional until it is not. */
export function Receipt({ localId }: { readonly localId: string }) {
  const { receipt } = useTill().words
  const payment = usePayment(localId)
  return (
    <div className="pos-receipt">
      <BackLink to={{ screen: 'today' }} />
      {payment === undefined ? <p className="pos-empty">{receipt.none}</p> : <Slip payment={payment} />}
    </div>
  )
}

/** Without an outcome yet. */
const WAITING: ReadonlySet<OfflinePayment['status']> = new Set([
  'pending_offline',
  'pending',
  'review',
  'quarantined',
  'claimed',
])

function Slip({ payment }: { readonly payment: OfflinePayment }) {
  const { receipt, payer } = useTill().words
  const {
    localId,
    amount,
    currency,
    status,
    reason,
    sender,
    receiver,
    method,
    receipted,
    transferId,
    voidRefused,
    guarantee,
  } = payment
  const waiting = WAITING.has(status)
  const heading = useRef<HTMLHeadingElement>(null)
  useOpened(payment)
  return (
    <article className="pos-slip" data-status={status}>
      <h2 ref={heading} tabIndex={-1}>
        {receipt.title}
      </h2>
      <p>
        <DisplayAmount minor={amount} currency={currency} />
      </p>
      {/* Where the money is, the provisional receipt says itself. */}
      <OfflinePaymentStatus
        status={status}
        reason={reason}
        voidRefused={voidRefused}
        guarantee={guarantee}
        detailed={!waiting || reason !== undefined || voidRefused === true || guarantee === 'claimed'}
      />
      {waiting && <p className="pos-provisional">{receipt.provisional}</p>}
      <dl className="pos-facts">
        <Fact name={receipt.number}>{localId}</Fact>
        <Fact name={receipt.time}>
          <Time atMs={payment.initiatedAtMs} form="year" />
        </Fact>
        <Fact name={receipt.from}>{formatParty(sender)}</Fact>
        <Fact name={receipt.to}>{formatParty(receiver)}</Fact>
        <Fact name={receipt.method}>{payer.methods[method]}</Fact>
        <Fact name={receipt.server}>{receipted ? receipt.serverYes : receipt.serverNo}</Fact>
        {transferId !== undefined && <Fact name={receipt.transfer}>{transferId}</Fact>}
      </dl>
      <ShareReceipt payment={payment} />
      {status === 'pending_offline' && (
        <VoidPayment counter={payment.counter} onVoided={() => heading.current?.focus()} />
      )}
    </article>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

interface VoidPaymentProps {
  readonly counter: number
  /** The button goes away with it, and must not take the focus along. */
  readonly onVoided: () => void
}

/** Voids a payment that never left the till; asks twice, because it cannot be undone. */
function VoidPayment({ counter, onVoided }: VoidPaymentProps) {
  const { sdk, words } = useTill()
  const [sure, setSure] = useState(false)
  const [error, setError] = useState<OfflineError>()
  const press = async () => {
    if (!sure) return setSure(true)
    try {
      await sdk.voidTransaction(counter)
      onVoided()
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setError(cause)
    }
    setSure(false)
  }
  return (
    <div className="pos-void">
      {error && <OfflineErrorNotice error={error} />}
      <button type="button" className="molam-button" onClick={() => void press()}>
        {sure ? words.receipt.voidSure : words.receipt.void}
      </button>
    </div>
  )
}
