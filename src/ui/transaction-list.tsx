import { memo, useId, useState } from 'react'
import type { OfflinePayment, OfflineState } from '../sdk/index.ts'
import { Amount, Time } from './figures.tsx'
import { maskParty } from './format.ts'
import { useOffline, usePayments, useProfile } from './hooks.ts'
import { OfflinePaymentStatus } from './payment-status.tsx'
import { useOfflineContext } from './provider.tsx'
import { unsyncedOf } from './unsynced.ts'
import { reasonText } from './words/index.ts'
import type { Messages } from './words/messages.ts'

/** Rows at first, and with each "more": what a cheap phone renders without a pause. */
const PAGE_ROWS = 50

export interface OfflineTransactionListProps {
  /** Default: all payments on the device. Oldest first, as the SDK gives them; the list shows the newest first. */
  readonly payments?: readonly OfflinePayment[]
  /** Name of the list, where a page has more than one. */
  readonly title?: string
  /** Makes the rows buttons. */
  readonly onSelect?: (payment: OfflinePayment) => void
}

/** Payments with their amount, their time and where they stand, newest first. */
export function OfflineTransactionList({ payments, title, onSelect }: OfflineTransactionListProps) {
  const { words, locale } = useOfflineContext()
  const state = useOffline()
  const all = usePayments()
  const shown = payments ?? all
  const [rows, setRows] = useState(PAGE_ROWS)
  const titleId = useId()
  const rest = Math.max(0, shown.length - rows)
  return (
    <section className="molam-list" aria-labelledby={titleId} lang={locale}>
      <h2 className="molam-title" id={titleId}>
        {title ?? words.list.title}
      </h2>
      {shown.length === 0 && <p className="molam-quiet">{emptyText(state, words)}</p>}
      {shown.length > 0 && (
        <ol className="molam-rows" reversed>
          {shown
            .slice(rest)
            .reverse()
            .map((payment) => (
              <Row key={payment.localId} payment={payment} onSelect={onSelect} />
            ))}
        </ol>
      )}
      {rest > 0 && (
        <button type="button" className="molam-button" onClick={() => setRows(rows + PAGE_ROWS)}>
          {words.list.more(Math.min(rest, PAGE_ROWS))}
        </button>
      )}
    </section>
  )
}

/** A device that could not be read has no payments to show, which is not the same as none. */
function emptyText(state: OfflineState, { list, banner }: Messages): string {
  if (unsyncedOf(state) !== 'unknown') return list.empty
  if (state.status === 'created') return banner.opening
  return state.status === 'needs_network' ? banner.firstContact : banner.unknown
}

interface RowProps {
  readonly payment: OfflinePayment
  readonly onSelect: ((payment: OfflinePayment) => void) | undefined
}

const Row = memo(function Row({ payment, onSelect }: RowProps) {
  const { words } = useOfflineContext()
  const owner = useProfile()?.ownerWallet
  const { counter, amount, currency, status, reason, initiatedAtMs } = payment
  const content = (
    <>
      <span className="molam-row-line">
        <Amount minor={amount} currency={currency} />
        <span className="molam-quiet">
          <Time atMs={initiatedAtMs} />
        </span>
      </span>
      <span className="molam-row-line">
        <OfflinePaymentStatus status={status} />
        <span className="molam-quiet">
          {words.list.payment(counter)} · {otherParty(payment, owner, words)}
        </span>
      </span>
      {reason !== undefined && <span className="molam-reason">{reasonText(words, reason)}</span>}
    </>
  )
  return (
    <li className="molam-row" data-status={status}>
      {onSelect ? (
        <button type="button" className="molam-row-content molam-row-button" onClick={() => onSelect(payment)}>
          {content}
        </button>
      ) : (
        <div className="molam-row-content">{content}</div>
      )}
    </li>
  )
})

/** Whom the owner of the device dealt with. */
function otherParty({ sender, receiver }: OfflinePayment, owner: string | undefined, { list }: Messages): string {
  return sender === owner ? list.to(maskParty(receiver)) : list.from(maskParty(sender))
}
