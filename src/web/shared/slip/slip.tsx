import { useRef, useState } from 'react'
import { OfflineError, type OfflinePayment } from '../../../device/sdk/index.ts'
import { formatParty, guaranteeToShow, OfflineErrorNotice, OfflinePaymentStatus, Time } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import { DisplayAmount } from '../display-amount.tsx'
import { ShareReceipt } from './share.tsx'

/** Without an outcome yet. */
const WAITING: ReadonlySet<OfflinePayment['status']> = new Set([
  'pending_offline',
  'pending',
  'review',
  'quarantined',
  'claimed',
])

/** One payment with everything that a person or the support may ask for. Says that it is provisional until it is not. */
export function Slip({ payment }: { readonly payment: OfflinePayment }) {
  const { receipt, methods } = useApp().words
  const { localId, amount, currency, status, reason, sender, receiver, method, receipted, transferId, voidRefused } =
    payment
  const guarantee = guaranteeToShow(payment)
  const waiting = WAITING.has(status)
  const heading = useRef<HTMLHeadingElement>(null)
  return (
    <article className="app-slip" data-status={status}>
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
        detailed={!waiting || reason !== undefined || voidRefused === true || guarantee !== undefined}
      />
      {waiting && <p className="app-provisional">{receipt.provisional}</p>}
      <dl className="app-facts">
        <Fact name={receipt.number}>{localId}</Fact>
        <Fact name={receipt.time}>
          <Time atMs={payment.initiatedAtMs} form="year" />
        </Fact>
        <Fact name={receipt.from}>{formatParty(sender)}</Fact>
        <Fact name={receipt.to}>{formatParty(receiver)}</Fact>
        <Fact name={receipt.method}>{methods[method]}</Fact>
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

/** Voids a payment that never left the device; asks twice, because it cannot be undone. */
function VoidPayment({ counter, onVoided }: VoidPaymentProps) {
  const { sdk, words } = useApp()
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
    <div className="app-void">
      {error && <OfflineErrorNotice error={error} />}
      <button type="button" className="molam-button" onClick={() => void press()}>
        {sure ? words.receipt.voidSure : words.receipt.void}
      </button>
    </div>
  )
}
