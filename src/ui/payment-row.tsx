import { memo } from 'react'
import type { OfflinePayment } from '../device/sdk/index.ts'
import { Amount, Time } from './figures.tsx'
import { maskParty } from './format.ts'
import { useProfile } from './hooks.ts'
import { Icon } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import { guaranteeToShow, noteOf } from './words/index.ts'
import type { Messages } from './words/messages.ts'

interface PaymentRowProps {
  readonly payment: OfflinePayment
  readonly onSelect: ((payment: OfflinePayment) => void) | undefined
}

/** A payment of a list: its status as a sign at the start of the row and as a word, so that a column of them is read at a glance. */
export const PaymentRow = memo(function PaymentRow({ payment, onSelect }: PaymentRowProps) {
  const { words } = useOfflineContext()
  const { counter, amount, currency, status, initiatedAtMs } = payment
  const note = noteOf(words, { ...payment, guarantee: guaranteeToShow(payment) })
  const content = (
    <>
      <span className="molam-disc">
        <Icon name={status} />
      </span>
      <span className="molam-row-text">
        <span className="molam-row-line">
          <Amount minor={amount} currency={currency} />
          <span className="molam-quiet">
            {words.list.payment(counter)} · <Time atMs={initiatedAtMs} form="time" />
          </span>
        </span>
        <span className="molam-row-line">
          <span className="molam-label">{words.statuses[status].label}</span>
          <OtherParty payment={payment} words={words} />
        </span>
        {note !== undefined && <span className="molam-reason">{note}</span>}
      </span>
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

/** Whom the owner of the device dealt with. Only money that goes out is marked for the eye: it is the exception. */
function OtherParty({ payment, words }: { readonly payment: OfflinePayment; readonly words: Messages }) {
  const { sender, receiver } = payment
  const isOut = sender === useProfile()?.ownerWallet
  const party = maskParty(isOut ? receiver : sender)
  return (
    <span className="molam-quiet">
      <span className="molam-hidden">{isOut ? words.list.to(party) : words.list.from(party)}</span>
      <span aria-hidden="true">{isOut ? `→ ${party}` : party}</span>
    </span>
  )
}
