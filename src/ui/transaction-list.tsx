import { useId, useState } from 'react'
import type { OfflinePayment, OfflineState } from '../device/sdk/index.ts'
import { calendarDay } from '../protocol/activity.ts'
import { formatDay } from './format.ts'
import { useOffline, usePayments, useTimeZone } from './hooks.ts'
import { PaymentRow } from './payment-row.tsx'
import { useOfflineContext } from './provider.tsx'
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

/** Payments with their amount, their time and where they stand, newest first, below the day that they are of. */
export function OfflineTransactionList({ payments, title, onSelect }: OfflineTransactionListProps) {
  const { words, locale } = useOfflineContext()
  const state = useOffline()
  const all = usePayments()
  const zone = useTimeZone()
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
      {daysOf(shown.slice(rest).reverse(), zone).map(([day, ofDay]) => (
        <div className="molam-day" key={day}>
          <h3 suppressHydrationWarning>{formatDay(ofDay[0].initiatedAtMs, locale, zone)}</h3>
          <ol className="molam-rows" reversed>
            {ofDay.map((payment) => (
              <PaymentRow key={payment.localId} payment={payment} onSelect={onSelect} />
            ))}
          </ol>
        </div>
      ))}
      {rest > 0 && (
        <button type="button" className="molam-button" onClick={() => setRows(rows + PAGE_ROWS)}>
          {words.list.more(Math.min(rest, PAGE_ROWS))}
        </button>
      )}
    </section>
  )
}

type OfOneDay = [OfflinePayment, ...OfflinePayment[]]

/** A clock that was put right may have payments of one day on both sides of another's: they stand together. */
function daysOf(payments: readonly OfflinePayment[], zone: string): readonly (readonly [string, OfOneDay])[] {
  const days = new Map<string, OfOneDay>()
  for (const payment of payments) {
    const day = calendarDay(payment.initiatedAtMs, zone)
    const known = days.get(day)
    if (known === undefined) days.set(day, [payment])
    else known.push(payment)
  }
  return [...days]
}

/** A device that could not be read has no payments to show, which is not the same as none. */
function emptyText(state: OfflineState, { list, banner }: Messages): string {
  if (state.unsynced !== 'unknown') return list.empty
  if (state.status === 'created') return banner.opening
  return state.status === 'needs_network' ? banner.firstContact : banner.unknown
}
